"""Whose turn it is to send: a few calls in each round of the event loop, in order, those to slow or failing sinks last.

Of a hundred and forty calls made in one go the first answer would be read after the last call, a tenth of a second
later; of a few in each round it is read when it comes. So how long an event takes to one event subscription depends on
those before it, and not on those behind it.

A sink that lets us wait for a second does not mind waiting itself: while others are at work, calls to such sinks are
`PAUSE` apart, so that what piled up behind a slow answer is no burst that holds up everybody. With nobody at work they
go as fast as any.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

SLOW = timedelta(seconds=1)
REMEMBERED = timedelta(minutes=10)
PAUSE = timedelta(milliseconds=20)
IN_A_ROUND = 8
"""As many as go to one webhook at once: one alone is served in as few rounds as without turns."""


class Turns:
    """The turns of one event loop; which sinks were slow lately is known to this process alone, and learned anew."""

    def __init__(self, *, pause: timedelta = PAUSE) -> None:
        self._pause = pause.total_seconds()
        self._first: deque[asyncio.Future[None]] = deque()
        self._last: deque[asyncio.Future[None]] = deque()
        self._at_work = 0
        self._left = IN_A_ROUND
        self._paused_until = 0.0
        self._next: asyncio.Handle | None = None
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
            if self._last and not self._at_work:
                self._begin_soon()

    async def take(self, *, is_last: bool) -> None:
        """Return when it is the caller's turn; at once while nobody waits and this round has turns left."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._last if is_last else self._first).append(turn)
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
        elif self._last and self._next is None:
            self._next = loop.call_at(self._paused_until, self._begin)

    def _begin_soon(self) -> None:
        if isinstance(self._next, asyncio.TimerHandle):
            self._next.cancel()
            self._next = None
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._next, self._left = None, IN_A_ROUND
        self._give()

    def _choose(self, time: float) -> asyncio.Future[None] | None:
        """Return whose turn it is; None when nobody waits, or nobody but the slow, who make room."""
        makes_room = bool(self._first or self._at_work) and time < self._paused_until
        turn = None if makes_room else pop(self._last)
        if turn is None:
            return pop(self._first)
        self._paused_until = time + self._pause
        return turn


def pop(line: deque[asyncio.Future[None]]) -> asyncio.Future[None] | None:
    """Take whoever has waited longest; None when nobody is left who was not cancelled."""
    while line:
        turn = line.popleft()
        if not turn.done():
            return turn
    return None
