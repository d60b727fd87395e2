"""The only module that reads a clock or sleeps; everything else is passed a `Clock`."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NO_TIME = timedelta(0)
LONGEST_SLEEP = timedelta(seconds=60)


class Clock(Protocol):
    """Wall-clock time in UTC, and waiting for it."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""

    async def sleep_until(self, instant: datetime) -> None:
        """Return at or after `instant`, at once when it has passed; never before it, even if the clock is set back."""

    async def sleep(self, duration: timedelta) -> None:
        """Return after `duration`, whatever becomes of the wall clock meanwhile."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, instant: datetime) -> None:
        await sleep_in_parts(self, instant)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


class ShiftedClock:
    """A clock that is `offset` ahead of another, or behind it, and runs at its pace: the time of a rehearsal."""

    def __init__(self, clock: Clock, offset: timedelta) -> None:
        self._clock = clock
        self._offset = offset

    def now(self) -> datetime:
        return self._clock.now() + self._offset

    async def sleep_until(self, instant: datetime) -> None:
        # Not `instant` minus the offset: the other clock may have no such instant.
        await sleep_in_parts(self, instant)

    async def sleep(self, duration: timedelta) -> None:
        await self._clock.sleep(duration)


async def sleep_in_parts(clock: Clock, instant: datetime) -> None:
    """Sleep until `instant` by a clock whose `sleep` may come back early, and which may be set meanwhile."""
    # Timers of the event loop have a grain and count monotonic time, so the wall clock is read again.
    # And now and then, because it may be set forward.
    while (remaining := instant - clock.now()) > NO_TIME:
        await clock.sleep(min(remaining, LONGEST_SLEEP))


def to_microseconds(instant: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00Z: the form in which instants are stored and compared in SQL."""
    return (instant - EPOCH) // MICROSECOND


def from_microseconds(value: int) -> datetime:
    """Return the aware UTC instant that `to_microseconds` stored."""
    return EPOCH + timedelta(microseconds=value)


def to_optional_microseconds(instant: datetime | None) -> int | None:
    """Return what `to_microseconds` does, and None for None."""
    return None if instant is None else to_microseconds(instant)


def from_optional_microseconds(value: int | None) -> datetime | None:
    """Return what `from_microseconds` does, and None for None."""
    return None if value is None else from_microseconds(value)
