"""A recorded session had again with our service: at the recorded instants, with our ids in place of theirs."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from shared.clock import NO_TIME, from_optional_microseconds
from shared.scheduler.stores.tables import execution, job_timing
from tests.conformance.comparing import Difference, Ids, Mismatch, mismatches, plain
from tests.conformance.recordings import Exchange
from tests.shared.scheduler.scheduler_stack import SUBSCRIPTION, Stack

# Said by the recorders' connections; ours come by themselves, or are not there.
OF_CONNECTION = frozenset({"host", "connection", "content-length", "accept-encoding"})


class Replay:
    """One session with one stack, whose clock goes forward to each answer's date; the engine works in between."""

    def __init__(
        self,
        stack: Stack,
        *,
        subscription: str,
        differences: Sequence[Difference] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`subscription` is the recorded one; `headers` are sent with each request, whatever was recorded."""
        self._stack = stack
        self._ids = Ids({subscription: SUBSCRIPTION})
        self._differences = differences
        self._headers = headers or {}
        self.used: set[str] = set()

    async def play(self, session: Sequence[Exchange]) -> list[str]:
        """Return each mismatch that no difference excuses, in a sentence; reasons of the others are in `used`."""
        wrong: list[str] = []
        seen: set[str] = set()
        for number, recorded in enumerate(session):
            await self._pass_time(recorded.date)
            if not is_going_on(session[number:], seen):
                await self._stack.work()
            for one in await self._play(recorded):
                wrong.append(
                    f"{number}: {recorded.method} {recorded.target}: {one.where} "
                    f"was {one.recorded!r}, is {one.ours!r}"
                )
            seen.add(plain(recorded.answer_headers["x-ms-request-id"]))
        return wrong

    async def _pass_time(self, until: datetime) -> None:
        """Let the engine do what falls due, each thing at its instant."""
        clock, done = self._stack.clock, None
        while (due := await self._stack.database.read(next_due)) is not None:
            if due > until or due == done:
                break
            await self._stack.engine.step(max(due - clock.now(), NO_TIME))
            done = due
        await self._stack.engine.step(max(until - clock.now(), NO_TIME))

    async def _play(self, recorded: Exchange) -> list[Mismatch]:
        headers = {
            name: value for name, value in recorded.headers.items() if name not in OF_CONNECTION
        }
        reply = await self._stack.call(
            recorded.method,
            self._ids.translate(recorded.target),
            self._ids.translate(recorded.body.decode()),
            {**headers, **self._headers},
        )
        found = [one for one in mismatches(recorded, reply, self._ids)]
        return [one for one in found if not self._is_excused(recorded, one)]

    def _is_excused(self, recorded: Exchange, mismatch: Mismatch) -> bool:
        for one in self._differences:
            if one.excuses(recorded, mismatch):
                self.used.add(one.reason)
                return True
        return False


def next_due(connection: Connection) -> datetime | None:
    """Return when a job is to be claimed or an execution to go on."""
    occurrence = select(func.min(job_timing.c.next_occurrence))
    attempt = select(func.min(execution.c.due_at)).where(execution.c.ended_at.is_(None))
    found = [connection.execute(one).scalar() for one in (occurrence, attempt)]
    return from_optional_microseconds(min((one for one in found if one is not None), default=None))


def is_going_on(following: Sequence[Exchange], seen: set[str]) -> bool:
    """Whether an operation that began was still in progress later on, by what was recorded."""
    polled = (one.target.rpartition("/")[2] for one in following if one.is_unfinished)
    return any(plain(id.partition("?")[0]) in seen for id in polled)
