"""What is seen of operations: one, a page of them, their results, and when they end."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from shared.connector.listing import OperationFilter, OperationPage
from shared.connector.operations import Operation, OperationStatus
from shared.connector.store import OperationList
from shared.errors import NotFoundError
from shared.wire.json_types import Json

FIRST_LOOK = timedelta(milliseconds=100)
LONGEST_LOOK = timedelta(seconds=2)
GROWTH = 1.5


@dataclass(slots=True, eq=False)
class Follower:
    """Somebody who waits: which of the operations have not ended as far as it knows, and which did since."""

    open: set[str]
    ended: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """Answers whoever asks how far operations are.

    An end in this process wakes who waits for it; one in another process is found by looks that become rarer.
    """

    def __init__(self, operations: OperationList, clock: Clock) -> None:
        self._operations = operations
        self._clock = clock
        self._followers: dict[str, list[Follower]] = {}

    async def operation(self, operation_id: str) -> Operation:
        """Raises NotFoundError; operations that ended long enough ago are forgotten."""
        operation = await self._operations.get(operation_id)
        if operation is None:
            raise NotFoundError(f"there is no operation {operation_id!r}")
        return operation

    async def page(self, wanted: OperationFilter) -> OperationPage:
        """Return the operations that `wanted` describes, those that were asked for last first."""
        return await self._operations.page(wanted)

    async def result(self, operation_id: str) -> Json:
        """Return what an operation that has succeeded brought.

        Raises:
            NotFoundError: there is no such operation, or no result: the message says why.
        """
        operation = await self.operation(operation_id)
        if operation.result is not None:
            return operation.result  # type: ignore[no-any-return]  # stored as JSON
        if operation.large_result_until is not None:
            text = await self._operations.large_result(operation_id)
            if text is not None:
                result: Json = json.loads(text)
                return result
        raise NotFoundError(f"operation {operation_id!r} {why_none(operation)}")

    async def wait(self, operation_ids: Sequence[str], *, within: timedelta) -> list[Operation]:
        """Return the operations once all have ended, or as they are when time is up.

        Raises:
            NotFoundError: there is no such operation (any more).
        """
        follower = Follower(set(operation_ids))
        self._follow(follower)
        deadline = asyncio.ensure_future(self._clock.sleep(within))
        try:
            return await self._until_ended(operation_ids, follower, deadline)
        finally:
            deadline.cancel()
            self._forget(follower, operation_ids)

    def tell_end(self, operation_id: str) -> None:
        """Wake who waits for an operation, whose end is committed."""
        for follower in self._followers.get(operation_id, ()):
            follower.ended.add(operation_id)
            follower.news.set()

    async def _until_ended(
        self, operation_ids: Sequence[str], follower: Follower, deadline: "asyncio.Future[None]"
    ) -> list[Operation]:
        found: dict[str, Operation] = {}
        wait, to_read = FIRST_LOOK, set(operation_ids)
        while True:
            for operation_id in to_read:
                found[operation_id] = await self.operation(operation_id)
                if found[operation_id].has_ended:
                    follower.open.discard(operation_id)
            if not follower.open or deadline.done():
                return [found[operation_id] for operation_id in operation_ids]
            await first_of(follower.news.wait(), self._clock.sleep(wait), until=deadline)
            wait = min(wait * GROWTH, LONGEST_LOOK)
            # An end in this process names its operation; a look of one's own is at all that are open.
            to_read = follower.ended & follower.open if follower.news.is_set() else {*follower.open}
            follower.ended.clear()
            follower.news.clear()

    def _follow(self, follower: Follower) -> None:
        for operation_id in follower.open:
            self._followers.setdefault(operation_id, []).append(follower)

    def _forget(self, follower: Follower, operation_ids: Sequence[str]) -> None:
        for operation_id in set(operation_ids):
            followers = self._followers[operation_id]
            followers.remove(follower)
            if not followers:
                del self._followers[operation_id]


async def first_of(*ways: Coroutine[Any, Any, Any], until: "asyncio.Future[None]") -> None:
    """Return when one of them is done, or `until`; the others are cancelled."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait([*tasks, until], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def why_none(operation: Operation) -> str:
    """Return why there is no result to give."""
    if not operation.has_ended:
        return f"is {operation.status}: it has no result yet"
    if operation.status is not OperationStatus.SUCCEEDED:
        return f"is {operation.status}: it has no result"
    if operation.large_result_until is not None:
        return f"had a result that was kept until {operation.large_result_until.isoformat()}"
    return "succeeded without a result"
