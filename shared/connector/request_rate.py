"""How many requests an instance takes: a bucket of tokens that fills at the rate and holds one second's worth; pure."""

from datetime import datetime, timedelta

from shared.errors import TooManyRequestsError


class RequestRate:
    """Counts in memory: each instance has its own, which is full at its start."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._left = float(per_second)
        self._counted_at: datetime | None = None

    def take(self, *, now: datetime) -> None:
        """Count one request.

        Raises:
            TooManyRequestsError: there is none left; it says when there is one again.
        """
        if self._counted_at is not None:
            # A clock that is set back takes nothing away and gives nothing.
            passed = max((now - self._counted_at).total_seconds(), 0.0)
            self._left = min(self._left + passed * self._per_second, float(self._per_second))
        self._counted_at = now
        if self._left < 1:
            wait = timedelta(seconds=(1 - self._left) / self._per_second)
            raise TooManyRequestsError(
                f"this instance takes {self._per_second} requests a second", retry_after=wait
            )
        self._left -= 1
