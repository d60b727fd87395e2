"""How long to wait before the next step; pure, `chance` is a number from 0 to 1."""

from datetime import timedelta

FIRST = timedelta(seconds=1)
LONGEST = timedelta(seconds=60)
FIRST_POLL = timedelta(seconds=1)
LONGEST_POLL = timedelta(seconds=30)
POLL_GROWTH = 1.5
DOUBLINGS = 6
GROWTHS = 9


def back_off(failures: int, *, chance: float, retry_after: timedelta | None = None) -> timedelta:
    """Return the wait after `failures` failures before this one: doubling, half of it at random, never less than the
    server asked for."""
    wait = min(FIRST * int(2 ** min(failures, DOUBLINGS)), LONGEST) * (0.5 + chance / 2)
    return max(wait, retry_after or timedelta())


def poll_delay(polls: int) -> timedelta:
    """Return the wait before the next look at the service's operation after `polls` looks."""
    return min(FIRST_POLL * POLL_GROWTH ** min(polls, GROWTHS), LONGEST_POLL)
