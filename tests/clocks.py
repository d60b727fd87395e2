"""A clock that only a test moves."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time stands still until `advance`; sleepers wake in the order of their instants.

    `set` is somebody who sets the wall clock: whoever sleeps for a duration does not notice.
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._elapsed = timedelta(0)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._naps: list[tuple[timedelta, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, instant: datetime) -> None:
        if instant <= self._now:
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (instant, next(self._numbers), future))
        await future

    async def sleep(self, duration: timedelta) -> None:
        if duration <= timedelta(0):
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._naps, (self._elapsed + duration, next(self._numbers), future))
        await future

    def set(self, instant: datetime) -> None:
        """Move to `instant` without waking anybody in between; for code that only reads the time."""
        self._now = instant

    async def advance(self, duration: timedelta) -> None:
        """Move forward, stopping at each sleeper's instant and letting it run."""
        end = self._elapsed + duration
        while (wait := self._next_wait()) is not None and self._elapsed + wait <= end:
            self._pass(wait)
            future = self._pop()
            if not future.done():
                future.set_result(None)
            await settle()
        self._pass(end - self._elapsed)
        await settle()

    def _next_wait(self) -> timedelta | None:
        waits = [max(self._sleepers[0][0] - self._now, timedelta(0))] if self._sleepers else []
        waits += [self._naps[0][0] - self._elapsed] if self._naps else []
        return min(waits, default=None)

    def _pass(self, duration: timedelta) -> None:
        self._now += duration
        self._elapsed += duration

    def _pop(self) -> asyncio.Future[None]:
        """Take out whoever is due; who went to sleep first wakes first."""
        sleeper = self._sleepers[0] if self._sleepers else None
        nap = self._naps[0] if self._naps else None
        is_sleeper_due = sleeper is not None and sleeper[0] <= self._now
        is_nap_due = nap is not None and nap[0] <= self._elapsed
        if is_sleeper_due and not (is_nap_due and nap and sleeper and nap[1] < sleeper[1]):
            return heapq.heappop(self._sleepers)[2]
        return heapq.heappop(self._naps)[2]


async def settle(turns: int = 50) -> None:
    """Let every task that can run do so."""
    for _ in range(turns):
        await asyncio.sleep(0)
