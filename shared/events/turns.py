"""Whose turn it is to send: a few calls in each round of the event loop, in order, those to slow or failing sinks last.

Of a hundred and forty calls made in one go the first answer would be read after the last call, a tenth of a second
later; of a few in each round it is read when it comes. So how long an event takes to one event subscription depends on
those before it, and not on those behind it.

A sink that lets us wait for a second does not mind waiting itself: while others are at work, calls to such sinks are
`PAUSE` apart, so that what piled up behind a slow answer is no burst that holds up everybody. So are those to sinks
that fail, in a line of their own, so that a hundred dead ones do not keep back a slow one. With nobody at work they go
as fast as any.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum, auto

SLOW = timedelta(seconds=1)
REMEMBERED = timedelta(minutes=10)
PAUSE = timedelta(milliseconds=20)
IN_A_ROUND = 8
"""As many as go to one webhook at once: one alone is served in as few rounds as without turns."""


class Line(Enum):
    """Where a call waits for its turn."""

    FIRST = auto()
    SLOW = auto()
    FAILING = auto()


class Paused:
    """A line whose turns come one at a time, with a pause after each while it makes room."""

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.until = 0.0


class Turns:
    """The turns of one event loop; which sinks were slow lately is known to this process alone, and learned anew."""

    def __init__(self, *, pause: timedelta = PAUSE) -> None:
        self._pause = pause.total_seconds()
        self._first: deque[asyncio.Future[None]] = deque()
        self._paused = {Line.SLOW: Paused(), Line.FAILING: Paused()}
        self._at_work = 0
        self._left = IN_A_ROUND
        self._next: asyncio.Handle | None = None
        self._is_timed = False
        self._slow_until: dict[str, datetime] = {}

    def note(self, name: str, took: timedelta, *, now: datetime) -> None:
        """Remember for a while that a sink was slow, until it answers faster."""
        if took < SLOW:
            self._slow_until.pop(name, None)
            return
        for known in [one for one, until in self._slow_until.items() if until <= now]:
            del self._slow_until[known]
        self._slow_until[name] = now + REMEMBERED

    def is_slow(self, name: str, *, now: datetime) -> bool:
        """Whether a sink was slow lately."""
        until = self._slow_until.get(name)
        return until is not None and now < until

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count the caller among those for whom calls to slow sinks make room."""
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work and self._soonest() is not None:
                self._begin_soon()

    async def take(self, line: Line) -> None:
        """Return when it is the caller's turn; at once while nobody waits and this round has turns left."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._first if line is Line.FIRST else self._paused[line].waiting).append(turn)
        self._give()
        await turn

    def _give(self) -> None:
        """Give what this round has left, and come back in the next one, or when the pause of the slow is over."""
        loop = asyncio.get_running_loop()
        while self._left and (turn := self._choose(loop.time())) is not None:
            turn.set_result(None)
            self._left -= 1
        if self._left < IN_A_ROUND:
            self._begin_soon()
        elif self._next is None and (soonest := self._soonest()) is not None:
            self._next, self._is_timed = loop.call_at(soonest, self._begin), True

    def _begin_soon(self) -> None:
        if self._next is not None and self._is_timed:
            self._next.cancel()
            self._next = None
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._begin)
            self._is_timed = False

    def _begin(self) -> None:
        self._next, self._left = None, IN_A_ROUND
        self._give()

    def _soonest(self) -> float | None:
        """Return when the next pause of those that wait is over."""
        return min((line.until for line in self._paused.values() if line.waiting), default=None)

    def _choose(self, time: float) -> asyncio.Future[None] | None:
        """Return whose turn it is; None when nobody waits, or nobody but those who make room."""
        makes_room = bool(self._first or self._at_work)
        for line in self._paused.values():
            if makes_room and time < line.until:
                continue
            if (turn := pop(line.waiting)) is not None:
                line.until = time + self._pause
                return turn
        return pop(self._first)


def pop(line: deque[asyncio.Future[None]]) -> asyncio.Future[None] | None:
    """Take whoever has waited longest; None when nobody is left who was not cancelled."""
    while line:
        turn = line.popleft()
        if not turn.done():
            return turn
    return None
