"""Who waits for messages of one entity, or for a session of it.

One transaction at a time takes as many as all who wait want together. It runs when there is reason to: after a commit
that made messages active, or after a transaction that found as many as it looked for. `_maybe` says so; it is exact,
because only this process writes and callbacks of a commit run before its answers.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from shared.clock import NO_TIME, Clock

AT_ONCE = 500
Item = TypeVar("Item")


@dataclass(slots=True, eq=False)
class Waiter(Generic[Item]):
    """One who waits; an impatient one takes what is there now, or nothing."""

    wanted: int
    future: "asyncio.Future[list[Item]]"
    is_patient: bool = True

    @property
    def is_cancelled(self) -> bool:
        """The caller was cancelled, and has not run since to leave the line."""
        return self.future.cancelled()


@dataclass(slots=True, eq=False)
class WaitingLine(Generic[Item]):
    """First come, first served. `take` locks items, `undeliver` takes back those that nobody waits for any more."""

    take: Callable[[int], Awaitable[list[Item]]]
    undeliver: Callable[[Sequence[Item]], None]
    _waiters: deque[Waiter[Item]] = field(default_factory=deque)
    _maybe: bool = True
    _serving: "asyncio.Task[None] | None" = None
    _is_closed: bool = False

    def join(self, wanted: int) -> Waiter[Item]:
        waiter: Waiter[Item] = Waiter(wanted, asyncio.get_running_loop().create_future())
        if self._is_closed:
            waiter.future.set_result([])
            return waiter
        self._waiters.append(waiter)
        self._serve()
        return waiter

    def leave(self, waiter: Waiter[Item]) -> None:
        """Let the waiter go without items, now or after the transaction that may bring it some."""
        waiter.is_patient = False
        if self._serving is None:
            self._dismiss_impatient()

    def drop(self, waiter: Waiter[Item]) -> None:
        """Forget a waiter whose call was cancelled; items it was given go to others."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif not waiter.future.cancelled() and not waiter.future.exception():
            self.undeliver(waiter.future.result())

    def arrived(self) -> None:
        """There is something to take."""
        self._maybe = True
        self._serve()

    def end(self) -> None:
        """Let everybody go, now or after the transaction that runs, and nobody wait from here on."""
        self._is_closed = True
        for waiter in list(self._waiters):
            self.leave(waiter)

    async def close(self) -> None:
        self.end()
        if self._serving is not None:
            await self._serving

    def _serve(self) -> None:
        if self._maybe and self._waiters and self._serving is None:
            self._serving = asyncio.create_task(self._hand_out())

    async def _hand_out(self) -> None:
        try:
            while self._maybe and self._waiters:
                self._maybe = False
                wanted = min(sum(waiter.wanted for waiter in self._waiters), AT_ONCE)
                items = await self.take(wanted)
                self._maybe = self._maybe or len(items) == wanted
                self._distribute(items)
        except Exception as error:  # whoever waits must learn of it
            self._maybe = True
            for waiter in self._leaving():
                waiter.future.set_exception(error)
        self._serving = None
        self._dismiss_impatient()

    def _distribute(self, items: list[Item]) -> None:
        given = 0
        waiters = self._leaving()
        while given < len(items):
            waiter = next(waiters, None)
            if waiter is None:
                self.undeliver(items[given:])
                return
            waiter.future.set_result(items[given : given + waiter.wanted])
            given += waiter.wanted

    def _leaving(self) -> Iterator[Waiter[Item]]:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.is_cancelled:
                yield waiter

    def _dismiss_impatient(self) -> None:
        for waiter in [waiter for waiter in self._waiters if not waiter.is_patient]:
            self._waiters.remove(waiter)
            if not waiter.is_cancelled:
                waiter.future.set_result([])


class Visitor:
    """Somebody who waits in lines and may leave them all at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._places: dict[Waiter[Any], WaitingLine[Any]] = {}

    async def wait(
        self, line: WaitingLine[Item], wanted: int, max_wait: timedelta | None
    ) -> list[Item]:
        """Return up to `wanted` items; waits at most `max_wait` for the first, None for ever.

        Cancelling takes no item with it.
        """
        waiter = line.join(wanted)
        self._places[waiter] = line
        patience = self._start_patience(line, waiter, max_wait)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            line.drop(waiter)
            raise
        finally:
            del self._places[waiter]
            if patience is not None:
                patience.cancel()

    def leave(self) -> None:
        """Have every call of `wait` return what there is now, or nothing."""
        for waiter, line in list(self._places.items()):
            line.leave(waiter)

    def _start_patience(
        self, line: WaitingLine[Item], waiter: Waiter[Item], max_wait: timedelta | None
    ) -> "asyncio.Task[None] | None":
        if max_wait is None:
            return None
        if max_wait <= NO_TIME:
            line.leave(waiter)
            return None
        return asyncio.create_task(self._lose_patience(line, waiter, max_wait))

    async def _lose_patience(
        self, line: WaitingLine[Item], waiter: Waiter[Item], max_wait: timedelta
    ) -> None:
        await self._clock.sleep(max_wait)
        line.leave(waiter)
