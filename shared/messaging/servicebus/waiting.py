"""Who waits for messages of an entity, and the messages that came for somebody who has gone."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.messaging.message import ReceivedMessage

WORTH_DELIVERING = timedelta(seconds=2)
"""A lock that ends sooner is left to end: whoever got the message could hardly settle it."""


def new_future() -> asyncio.Future[list[ReceivedMessage]]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False, slots=True)
class Waiter:
    """One call of `receive`; `is_over` once it may wait no longer, and then gets one last look at the broker."""

    wanted: int
    is_over: bool = False
    received: asyncio.Future[list[ReceivedMessage]] = field(default_factory=new_future)

    def end(self) -> None:
        """Have the call return with nothing, unless it has something."""
        if not self.received.done():
            self.received.set_result([])

    def fail(self, error: Exception) -> None:
        """Have the call raise, unless it has something."""
        if not self.received.done():
            self.received.set_exception(error)


class Line:
    """Serves who waits longest first; every message goes to exactly one waiter, or stays until its lock ends."""

    def __init__(self) -> None:
        self._waiters: deque[Waiter] = deque()
        self._messages: deque[ReceivedMessage] = deque()

    @property
    def waiters(self) -> list[Waiter]:
        """Those who wait, in order."""
        return [waiter for waiter in self._waiters if not waiter.received.done()]

    @property
    def demand(self) -> int:
        """How many messages are waited for."""
        return sum(waiter.wanted for waiter in self.waiters)

    def join(self, waiter: Waiter, *, now: datetime) -> None:
        """Wait, or take what is there."""
        self._waiters.append(waiter)
        if self._messages:
            self._drop_ending(now)
            self._serve()

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def take_from(self, waiter: Waiter) -> None:
        """Hand what a waiter got, but nobody took from it, to the next."""
        received = waiter.received
        if received.done() and not received.cancelled() and received.exception() is None:
            self._messages.extendleft(reversed(received.result()))
            self._serve()

    def arrived(self, messages: Iterable[ReceivedMessage]) -> None:
        """Hand out what was read just now."""
        self._messages.extend(messages)
        self._serve()

    def take_all(self) -> list[ReceivedMessage]:
        """Take what came for nobody."""
        messages = list(self._messages)
        self._messages.clear()
        return messages

    def _drop_ending(self, now: datetime) -> None:
        held = [each for each in self._messages if each.locked_until - now >= WORTH_DELIVERING]
        self._messages = deque(held)

    def _serve(self) -> None:
        while self._messages and self._waiters:
            waiter = self._waiters.popleft()
            if waiter.received.done():
                continue
            count = min(waiter.wanted, len(self._messages))
            waiter.received.set_result([self._messages.popleft() for _ in range(count)])
