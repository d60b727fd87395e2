"""The endpoint refuses us: everything waits, one call at a time finds out whether it still does."""

from datetime import datetime, timedelta

FIRST = timedelta(seconds=5)
LONGEST = timedelta(seconds=60)


class Pause:
    """Whether calls may be made; it belongs to this process and is learnt again after a restart."""

    def __init__(self) -> None:
        self._until: datetime | None = None
        self._wait = FIRST
        self.reason: str | None = None
        self.since: datetime | None = None

    def begin(self, reason: str, *, now: datetime) -> datetime:
        """The endpoint refused a call; returns when to try the next."""
        if self._until is None:
            self.since, self._wait, self._until = now, FIRST, now + FIRST
        self.reason = reason
        self._until = max(self._until, now + FIRST)
        return self._until

    def admit(self, *, now: datetime) -> datetime | None:
        """Return None when a call may be made, else when to ask again.

        The one that comes first after the wait is let through, and nobody else until it is known how that ended.
        """
        if self._until is None:
            return None
        if now < self._until:
            return self._until
        self._wait = min(self._wait * 2, LONGEST)
        self._until = now + self._wait
        return None

    def end(self) -> None:
        """A call was answered."""
        self._until = self.reason = self.since = None
