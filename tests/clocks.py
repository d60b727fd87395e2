"""A clock that only a test moves."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time stands still until `advance`; sleepers wake in the order of their instants."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, instant: datetime) -> None:
        if instant <= self._now:
            return
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (instant, self._count, future))
        await future

    def set(self, instant: datetime) -> None:
        """Move to `instant` without waking anybody in between; for code that only reads the time."""
        self._now = instant

    async def advance(self, duration: timedelta) -> None:
        """Move forward, stopping at each sleeper's instant and letting it run."""
        until = self._now + duration
        while self._sleepers and self._sleepers[0][0] <= until:
            instant, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, instant)
            if not future.done():
                future.set_result(None)
            await settle()
        self._now = until
        await settle()


async def settle(turns: int = 50) -> None:
    """Let every task that can run do so."""
    for _ in range(turns):
        await asyncio.sleep(0)
