"""Where a commit waits for the disk: on the event loop while that is quick, else in a thread.

A thread has to be woken, to wait for the interpreter lock and to wake the loop again, which under load takes ten times
what a good disk does. So the loop waits itself, and learns from each time how long that takes; when it is too long, it
stays away from the disk for so long that trying again costs it about two per cent of its time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.clock import EPOCH, NO_TIME, Clock

QUICK = timedelta(milliseconds=2)
"""What the loop bears in the mean: a round of it takes as long under load."""
WEIGHT = 8
"""One slow commit among eight quick ones, such as a checkpoint makes now and then, is no slow disk."""
STALL = timedelta(milliseconds=50)
"""One that takes so long is a slow disk by itself."""
APART = 50
LONGEST = timedelta(seconds=30)


class CommitPace:
    """What one event loop has learned of its disk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mean = NO_TIME
        self._apart_until = EPOCH

    def is_quick(self) -> bool:
        """Whether the next commit may be made on the event loop."""
        return self._clock.now() >= self._apart_until

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Learn from a commit that is made on the event loop."""
        began = self._clock.now()
        try:
            yield
        finally:
            ended = self._clock.now()
            # A wall clock may have been set meanwhile.
            took = min(max(ended - began, NO_TIME), LONGEST)
            self._mean += (took - self._mean) / WEIGHT
            lasts = took if took > STALL else self._mean
            if lasts > QUICK:
                self._apart_until = ended + lasts * APART
