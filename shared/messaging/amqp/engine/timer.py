"""The one timer of a connection."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from shared.clock import Clock


class Timer:
    """Calls one thing once; arming it again forgets what it was armed for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def arm(self, after: timedelta, callback: Callable[[], None]) -> None:
        self.disarm()
        self._task = asyncio.get_running_loop().create_task(self._wait(after, callback))

    def disarm(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _wait(self, after: timedelta, callback: Callable[[], None]) -> None:
        await self._clock.sleep(after)
        # Whatever the callback arms next must not cancel the task it is called in.
        self._task = None
        callback()
