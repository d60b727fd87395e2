"""A process that dies at a chosen point: before or after any transaction or call of one execution.

Between two of these points the connector does nothing that outlives it, so they are all that a crash can tell apart.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection

from shared.client.scheduler import RestRequest, RestResponse, SchedulerClient
from shared.sql.database import Database, GroupWork, Item, Value, Work


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


class Countdown:
    """Kills at the `left`-th point from now; counts down for ever when it is None."""

    def __init__(self) -> None:
        self.left: int | None = None

    def pass_point(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Killed


class MortalDatabase:
    """A real database, reached by a process that may die."""

    def __init__(self, database: Database, countdown: Countdown) -> None:
        self._database = database
        self._countdown = countdown

    async def run(self, work: Work[Value]) -> Value:
        self._countdown.pass_point()
        value = await self._database.run(work)
        self._countdown.pass_point()
        return value

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        self._countdown.pass_point()
        value = await self._database.run_grouped(work, item)
        self._countdown.pass_point()
        return value

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        return await self._database.read(query, is_short=is_short)

    async def close(self) -> None:
        await self._database.close()


class MortalClient:
    """A real client in a process that may die before it sends, or after the server has acted."""

    def __init__(self, client: SchedulerClient, countdown: Countdown) -> None:
        self._client = client
        self._countdown = countdown

    async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
        self._countdown.pass_point()
        response = await self._client.send(request, within=within)
        self._countdown.pass_point()
        return response

    async def close(self) -> None:
        await self._client.close()
