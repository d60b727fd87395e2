"""How many events an event subscription may be sent in a time: a token bucket that is one instant.

The instant is when the bucket will be full again; each event that is sent moves it on by the time of one token. So the
row of the event subscription keeps it in one column, for whichever process sends next. The bucket holds the tokens of
one second, and one at least.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ROUNDING = 1e-9
REFILL = 4
"""Whoever found the bucket empty comes back when a quarter of it is there: not for each token anew."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One event each `interval`."""

    interval: timedelta

    @property
    def _capacity(self) -> timedelta:
        return max(SECOND, self.interval)

    def tokens(self, full_at: datetime | None, now: datetime) -> int:
        """Return how many events may be sent at once."""
        missing = timedelta(0) if full_at is None else max(full_at - now, timedelta(0))
        return max(0, int((self._capacity - missing) / self.interval + ROUNDING))

    def take(self, full_at: datetime | None, now: datetime, *, count: int) -> datetime:
        """Return when the bucket is full again after `count` tokens were taken."""
        return max(full_at or now, now) + self.interval * count

    def refilled_at(self, full_at: datetime, now: datetime) -> datetime:
        """Return when it is worth coming back to an empty bucket."""
        # No later than from an empty one: the clock may have been set back.
        empty_since = min(full_at - self._capacity, now)
        return empty_since + max(self._capacity / REFILL, self.interval)


def rate_limit_of(*, per_second: int | None, per_minute: int | None) -> RateLimit | None:
    """Return the slower of the two limits, None when there is none."""
    intervals = [
        span / rate
        for span, rate in ((SECOND, per_second), (MINUTE, per_minute))
        if rate is not None
    ]
    return RateLimit(max(intervals)) if intervals else None
