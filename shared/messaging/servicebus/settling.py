"""Settlements of one connection, side by side.

The SDK settles a message by a frame and waits for the broker's answer to it, which takes a round trip. Settlements that
were asked for while the connection was busy are therefore begun together. That pays only where each is answered in a
frame of its own: of the SDK's calls each reads one before it looks whether it was answered, and is left reading for
200 ms when one frame answered several. A broker that does so is noticed, and from then on settles one by one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from shared.clock import Clock
from shared.errors import TocsinError
from shared.messaging.servicebus.errors import is_broken

Settlement = Callable[[], Awaitable[None]]
Call = Callable[[Settlement], Awaitable[None]]

MOST = 16
STALLED = timedelta(milliseconds=150)
"""Less than a read of the SDK takes to time out, and more than a round trip should."""


def new_future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False, slots=True)
class Asked:
    """A settlement, and what its caller waits for."""

    settle: Settlement
    done: asyncio.Future[None] = field(default_factory=new_future)

    def end(self, error: Exception | None) -> None:
        """Let the caller go on, if it still waits."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Settlements:
    """Settles in the order of asking, as much at once as goes side by side, also for a caller who is cancelled.

    `call` runs something on the connection when that is free; `reopen` makes sure that there is one.
    """

    def __init__(self, call: Call, *, reopen: Settlement, clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._reopen = reopen
        self._asked: deque[Asked] = deque()
        self._settler: asyncio.Task[None] | None = None
        self._at_once = MOST

    async def settle(self, settlement: Settlement) -> None:
        """Return when the broker has answered; raises what the SDK raises."""
        asked = Asked(settlement)
        self._asked.append(asked)
        if self._settler is None:
            self._settler = asyncio.create_task(self._settle_all())
        await asked.done

    async def finish(self) -> None:
        """Return when nothing is left to settle."""
        if self._settler is not None:
            await self._settler

    async def _settle_all(self) -> None:
        try:
            while self._asked:
                await self._call(self._settle_some)
        except TocsinError as error:
            while self._asked:
                self._asked.popleft().end(error)
        finally:
            self._settler = None

    async def _settle_some(self) -> None:
        batch = [self._asked.popleft() for _ in range(min(len(self._asked), self._at_once))]
        began = self._clock.now()
        errors = await asyncio.gather(*(outcome(asked) for asked in batch))
        if len(batch) > 1 and self._clock.now() - began > STALLED:
            self._at_once = 1
        for asked, error in zip(batch, errors, strict=True):
            asked.end(await self._again(asked) if error and is_broken(error) else error)

    async def _again(self, asked: Asked) -> Exception | None:
        """Settle alone, on a connection that works; the lock is the broker's, not the connection's."""
        try:
            await self._reopen()
        except Exception as error:
            return error
        return await outcome(asked)


async def outcome(asked: Asked) -> Exception | None:
    """Return what the SDK raises."""
    try:
        await asked.settle()
    except Exception as error:
        return error
    return None
