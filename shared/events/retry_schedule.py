"""When a failed delivery is tried again: by a table, spread so that many do not return at once."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
JITTER = 0.1
LONGEST_HOLD = timedelta(hours=24)


def next_delay(
    failures: int, *, random: Callable[[], float], delays: Sequence[timedelta] = DELAYS
) -> timedelta | None:
    """Return how long to wait after that many failures, up to a tenth more than the table says; None: give up."""
    if failures > len(delays):
        return None
    return delays[failures - 1] * (1 + JITTER * random())


def parse_retry_after(value: str, *, now: datetime) -> timedelta | None:
    """Return what the header asks for, seconds or an HTTP date, at most 24 hours; None when it says neither."""
    if value.isascii() and value.isdigit():
        seconds = int(value) if len(value) < 10 else LONGEST_HOLD.total_seconds()
        return min(timedelta(seconds=seconds), LONGEST_HOLD)
    try:
        wait = parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None
    return min(max(wait, timedelta(0)), LONGEST_HOLD)
