"""How much of what is due may start: attempts that run against one host, and starts a second of one collection.

Both are of one process. What is held back is given an instant to come back at, each its own, so that a thousand that
fall due at once do not all come back at once; at that instant it competes with whoever is there. The instants for a
host are as far apart as its places become free, by how long attempts there lately took. Places are held until they are
released, starts count for a second. What is idle is forgotten.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SECOND = timedelta(seconds=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
# Wake-ups are late, each by another bit: without slack some of those who come back find the second before still full.
SLACK = 1.05
SHARE = 4
LATEST = timedelta(seconds=60)
"""So late nobody comes whose clock is right."""
SHORTEST, LONGEST = timedelta(milliseconds=10), timedelta(seconds=60)
UNKNOWN = timedelta(milliseconds=100)
"""What an attempt is taken to last before the first one of its host has ended."""
LEARNT = 0.2  # of the mean, from each attempt


class Limits:
    """Counts for all attempts of a process; transactions may run in several threads."""

    def __init__(
        self, *, attempts_per_host: int, starts_per_second: int, attempts: int = 10**6
    ) -> None:
        """`attempts` may run at once in all.

        A host gets no more of them than a quarter of those still free, so that a few slow hosts leave places for the
        others (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998).
        """
        self._attempts = attempts
        self._taken = 0
        self._attempts_per_host = attempts_per_host
        self._starts_per_second = starts_per_second
        self._places: dict[str, Places] = {}
        self._starts: dict[int, Starts] = {}
        self._latest = self._forgotten_at = LONG_AGO
        self._lock = threading.Lock()

    def reservation(self) -> "Reservation":
        """Return what one call of an execution takes its place with."""
        return Reservation(self)

    def take(self, *, host: str, job_collection_id: int, now: datetime) -> datetime | None:
        """Count one attempt and return None, or count none and return when to ask again."""
        with self._lock:
            if self._latest - now > LATEST:
                self._begin_anew(now)
            # Whoever waited long for its transaction comes with an instant that is over.
            self._latest = now = max(now, self._latest)
            self._forget(now)
            places = self._places.setdefault(host, Places())
            free = self._attempts - self._taken
            most = min(self._attempts_per_host, -(-free // SHARE))
            if places.taken >= most:
                expected = places.expected(now)
                earliest = now + min(expected, SECOND)
                return places.turns.after(earliest, step=expected / max(most, 1))
            starts = self._starts.setdefault(job_collection_id, Starts())
            if (free_at := starts.free_at(now, limit=self._starts_per_second)) > now:
                return starts.turns.after(free_at, step=SECOND * SLACK / self._starts_per_second)
            starts.recent.append(now)
            places.take(now)
            self._taken += 1
            return None

    def leave(self, host: str, *, taken_at: datetime, now: datetime) -> None:
        """Give the place of an attempt back."""
        with self._lock:
            self._places[host].leave(taken_at, now)
            self._taken -= 1

    def _begin_anew(self, now: datetime) -> None:
        """The clock was set back: what was remembered is in a future that may be far."""
        self._latest = self._forgotten_at = now
        self._starts.clear()
        for places in self._places.values():
            places.turns, places.quiet_since = Turns(), now

    def _forget(self, now: datetime) -> None:
        if now - self._forgotten_at < SECOND:
            return
        self._forgotten_at = now
        self._places = {host: one for host, one in self._places.items() if not one.is_idle(now)}
        self._starts = {id: one for id, one in self._starts.items() if not one.is_idle(now)}


class Reservation:
    """The place of one attempt, if there is one; `take` may be called again and counts once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._host: str | None = None
        self._taken_at = LONG_AGO
        self._until: datetime | None = None
        self._is_released = False

    def take(self, *, host: str, job_collection_id: int, now: datetime) -> datetime | None:
        """Return None when the attempt may start, else when to come back with another reservation.

        Of one that was released that is at once: whoever made it was cancelled, and would not release it again.
        """
        if self._is_released:
            return now
        if self._host is None and self._until is None:
            self._until = self._limits.take(host=host, job_collection_id=job_collection_id, now=now)
            self._host = host if self._until is None else None
            self._taken_at = now
        return self._until

    def release(self, *, now: datetime) -> None:
        """Give the place back, if one was taken and has not been given back."""
        self._is_released = True
        if self._host is not None:
            self._limits.leave(self._host, taken_at=self._taken_at, now=now)
            self._host = None


@dataclass(slots=True)
class Turns:
    """Instants to come back at, each given once."""

    next: datetime = LONG_AGO

    def after(self, earliest: datetime, *, step: timedelta) -> datetime:
        turn = max(self.next, earliest)
        self.next = turn + step
        return turn


@dataclass(slots=True)
class Places:
    """The attempts that run against a host, how long one lately took, and the turns of those that wait for it."""

    taken: int = 0
    mean: timedelta = UNKNOWN
    quiet_since: datetime = LONG_AGO
    turns: Turns = field(default_factory=Turns)

    def take(self, now: datetime) -> None:
        if self.taken == 0:
            self.quiet_since = now
        self.taken += 1

    def leave(self, taken_at: datetime, now: datetime) -> None:
        self.taken -= 1
        self.quiet_since = now
        mean = self.mean + LEARNT * (max(now - taken_at, SHORTEST) - self.mean)
        self.mean = min(max(mean, SHORTEST), LONGEST)

    def expected(self, now: datetime) -> timedelta:
        """Return how long an attempt takes: no less than none has ended for."""
        return max(self.mean, min(now - self.quiet_since, LONGEST))

    def is_idle(self, now: datetime) -> bool:
        return self.taken == 0 and self.turns.next <= now


@dataclass(slots=True)
class Starts:
    """What a collection started within the last second, and the turns of what it may not start yet."""

    recent: deque[datetime] = field(default_factory=deque)
    turns: Turns = field(default_factory=Turns)

    def free_at(self, now: datetime, *, limit: int) -> datetime:
        """Return the first instant from `now` on whose last second has fewer than `limit` starts."""
        while self.recent and self.recent[0] <= now - SECOND:
            self.recent.popleft()
        return now if len(self.recent) < limit else self.recent[0] + SECOND

    def is_idle(self, now: datetime) -> bool:
        return self.turns.next <= now and not (self.recent and self.recent[-1] > now - SECOND)
