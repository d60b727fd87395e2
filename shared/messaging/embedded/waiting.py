"""Who waits for messages of one entity.

One transaction at a time locks as many messages as all who wait want together. It runs when there is reason to: after
a commit that made messages active, or after a transaction that found as many as it looked for. `_maybe` says so; it is
exact, because only this process writes and callbacks of a commit run before its answers.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from shared.messaging.message import ReceivedMessage

AT_ONCE = 500


@dataclass(slots=True, eq=False)
class Waiter:
    """One call of `receive`; an impatient one takes what is there now, or nothing."""

    wanted: int
    future: "asyncio.Future[list[ReceivedMessage]]"
    is_patient: bool = True

    @property
    def is_cancelled(self) -> bool:
        """The caller was cancelled, and has not run since to leave the line."""
        return self.future.cancelled()


@dataclass(slots=True, eq=False)
class WaitingLine:
    """First come, first served. `take` locks messages, `undeliver` takes back those that nobody waits for any more."""

    take: Callable[[int], Awaitable[list[ReceivedMessage]]]
    undeliver: Callable[[Sequence[ReceivedMessage]], None]
    _waiters: deque[Waiter] = field(default_factory=deque)
    _maybe: bool = True
    _serving: "asyncio.Task[None] | None" = None
    _is_closed: bool = False

    def join(self, wanted: int) -> Waiter:
        waiter = Waiter(wanted, asyncio.get_running_loop().create_future())
        if self._is_closed:
            waiter.future.set_result([])
            return waiter
        self._waiters.append(waiter)
        self._serve()
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Let the waiter go without messages, now or after the transaction that may bring it some."""
        waiter.is_patient = False
        if self._serving is None:
            self._dismiss_impatient()

    def drop(self, waiter: Waiter) -> None:
        """Forget a waiter whose call was cancelled; messages it was given go to others."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif not waiter.future.cancelled() and not waiter.future.exception():
            self.undeliver(waiter.future.result())

    def arrived(self) -> None:
        """There are active messages."""
        self._maybe = True
        self._serve()

    async def close(self) -> None:
        self._is_closed = True
        for waiter in list(self._waiters):
            self.leave(waiter)
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
                messages = await self.take(wanted)
                self._maybe = self._maybe or len(messages) == wanted
                self._distribute(messages)
        except Exception as error:  # whoever waits must learn of it
            self._maybe = True
            for waiter in self._leaving():
                waiter.future.set_exception(error)
        self._serving = None
        self._dismiss_impatient()

    def _distribute(self, messages: list[ReceivedMessage]) -> None:
        given = 0
        waiters = self._leaving()
        while given < len(messages):
            waiter = next(waiters, None)
            if waiter is None:
                self.undeliver(messages[given:])
                return
            waiter.future.set_result(messages[given : given + waiter.wanted])
            given += waiter.wanted

    def _leaving(self) -> Iterator[Waiter]:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.is_cancelled:
                yield waiter

    def _dismiss_impatient(self) -> None:
        for waiter in [waiter for waiter in self._waiters if not waiter.is_patient]:
            self._waiters.remove(waiter)
            if not waiter.is_cancelled:
                waiter.future.set_result([])
