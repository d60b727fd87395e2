"""How much a caller may still ask for: counted and told as the retired service did, and never enforced.

A window begins with the first request after the one before has ended. The allowances are those of July 2016; that of
bursts was seen to begin again after less than a minute and a half, and is taken to be a minute.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MAX_WINDOWS = 10_000


class Counter(StrEnum):
    """What is counted, by the header that tells it; some share one."""

    READS = "x-ms-ratelimit-remaining-subscription-reads"
    WRITES = "x-ms-ratelimit-remaining-subscription-writes"
    COLLECTION_CHANGES = "collections:x-ms-ratelimit-remaining-subscription-resource-requests"
    JOB_CHANGES = "jobs:x-ms-ratelimit-remaining-subscription-resource-requests"
    BURST_READS = "x-ms-ratelimit-burst-remaining-scheduler-reads"
    BURST_WRITES = "x-ms-ratelimit-burst-remaining-scheduler-writes"

    @property
    def header(self) -> str:
        return self.value.rpartition(":")[2]


ALLOWED = {
    Counter.READS: (15_000, HOUR),
    Counter.WRITES: (1_200, HOUR),
    Counter.COLLECTION_CHANGES: (300, HOUR),
    Counter.JOB_CHANGES: (600, HOUR),
    Counter.BURST_READS: (300, MINUTE),
    Counter.BURST_WRITES: (60, MINUTE),
}


@dataclass(slots=True)
class Window:
    ends_at: datetime
    used: int = 0


class RateLimits:
    """Counts requests of each subscription, in memory: after a restart everything is allowed again."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, Counter], Window] = {}

    def count(self, subscription: str, counter: Counter, *, now: datetime) -> int:
        """Count one request and return how many are left in this window, 0 when there were too many."""
        most, length = ALLOWED[counter]
        key = subscription, counter
        window = self._windows.get(key)
        if window is None or window.ends_at <= now or window.ends_at > now + length:
            if window is None and len(self._windows) >= MAX_WINDOWS:
                self._forget(now)
            window = self._windows[key] = Window(now + length)
        window.used += 1
        return max(most - window.used, 0)

    def _forget(self, now: datetime) -> None:
        """Make room: what has ended goes, and if nothing has, everything."""
        self._windows = {key: one for key, one in self._windows.items() if one.ends_at > now}
        if len(self._windows) >= MAX_WINDOWS:
            self._windows.clear()
