"""How many queue functions run at once: as many as the event loop bears, never more than host.json allows.

Functions that wait cost nothing, and ones that compute delay everybody. So the lag of the event loop is measured while
functions run: it is how long whatever is due now has to wait. A small lag raises the limit, a large one halves it;
while an HTTP caller waits, much less counts as large, since messages can wait and callers cannot. Azure's host calls
this dynamic concurrency. A call counts for its first second only: one that runs longer waits for something, and must
not keep others from starting.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from shared.clock import Clock

TICK = timedelta(milliseconds=10)
COUNTED_TICKS = 100
FIRST = 8
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Lag:
    """Up to `small` the limit rises, from `large` on it falls."""

    small: timedelta
    large: timedelta


SERVING = Lag(timedelta(milliseconds=1), timedelta(milliseconds=4))
ALONE = Lag(timedelta(milliseconds=8), timedelta(milliseconds=25))


class Slots:
    """The calls of one trigger, at most `most`, and of those that count at most the limit of the moment."""

    def __init__(self, concurrency: "Concurrency", *, most: int) -> None:
        self._concurrency = concurrency
        self._most = most
        self._running = 0
        self._counted: dict[int, int] = {}
        self._numbers = iter(range(2**62))
        self._freed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many calls may start now."""
        return min(self._most - self._running, self._concurrency.limit - len(self._counted))

    @property
    def is_busy(self) -> bool:
        """Whether a call that counts is running."""
        return bool(self._counted)

    def take(self) -> int:
        """Start a call; returns what `give_back` takes."""
        number = next(self._numbers)
        self._running += 1
        self._counted[number] = self._concurrency.began()
        return number

    def give_back(self, number: int) -> None:
        """End a call."""
        self._running -= 1
        self._counted.pop(number, None)
        self._freed.set()

    def count_no_longer(self, tick: int) -> None:
        """Pass over calls that began by `tick`, and let whoever waits look again."""
        for number in list(self._begun_by(tick)):
            del self._counted[number]
        self._freed.set()

    async def until_free(self) -> None:
        """Return when it is worth looking at `free` again."""
        self._freed.clear()
        await self._freed.wait()

    def release(self) -> None:
        """Let whoever waits go on."""
        self._freed.set()

    def _begun_by(self, tick: int) -> Iterator[int]:
        for number, began in self._counted.items():
            if began > tick:
                return
            yield number


class Concurrency:
    """The limit of the moment, for all triggers of a host; `run` measures while something runs."""

    def __init__(self, clock: Clock, *, is_serving: Callable[[], bool]) -> None:
        """`is_serving` tells whether an HTTP caller waits at this moment."""
        self.limit = FIRST
        self._is_serving = is_serving
        self._clock = clock
        self._slots: list[Slots] = []
        self._most = FIRST
        self._busy = asyncio.Event()
        self._tick = 0

    def slots(self, *, most: int) -> Slots:
        """Return the slots of one more trigger."""
        slots = Slots(self, most=most)
        self._slots.append(slots)
        self._most = max(self._most, most)
        return slots

    def began(self) -> int:
        """A call begins now: there is something to measure. Returns the tick."""
        self._busy.set()
        return self._tick

    async def run(self) -> None:
        """Adapt the limit for ever; costs nothing while nothing runs."""
        while True:
            await self._busy.wait()
            due = self._clock.now() + TICK
            await self._clock.sleep(TICK)
            self._tick += 1
            bearable = SERVING if self._is_serving() else ALONE
            self.limit = adapted(
                self.limit, lag=self._clock.now() - due, bearable=bearable, most=self._most
            )
            for slots in self._slots:
                slots.count_no_longer(self._tick - COUNTED_TICKS)
            if not any(slots.is_busy for slots in self._slots):
                # What an idle loop would bear says nothing of the next burst.
                self.limit = min(self.limit, FIRST)
                self._busy.clear()


def adapted(limit: int, *, lag: timedelta, bearable: Lag, most: int) -> int:
    """Return the next limit: up by an eighth, or down by half."""
    if lag >= bearable.large:
        return max(FEWEST, limit // 2)
    if lag <= bearable.small:
        return min(most, limit + max(1, limit // 8))
    return limit
