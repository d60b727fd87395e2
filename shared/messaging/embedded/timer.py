"""One timer for everything that happens at an instant."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from shared.clock import Clock

logger = logging.getLogger(__name__)

AGAIN_AFTER_FAILURE = timedelta(seconds=1)


class DueTimer:
    """Awaits `action` at the earliest instant that was asked for; `action` returns the next one, or None."""

    def __init__(self, clock: Clock, action: Callable[[], Awaitable[datetime | None]]) -> None:
        self._clock = clock
        self._action = action
        self._instant: datetime | None = None
        self._sleeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def arm(self, instant: datetime) -> None:
        """Be there at `instant`; a later one that was asked for before is found again by the action."""
        if self._is_closed or (self._instant is not None and self._instant <= instant):
            return
        if self._sleeper is not None:
            self._sleeper.cancel()
        self._instant = instant
        self._sleeper = asyncio.create_task(self._wait(instant))
        self._tasks.add(self._sleeper)
        self._sleeper.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, instant: datetime) -> None:
        await self._clock.sleep_until(instant)
        self._instant = self._sleeper = None  # from here on `arm` starts another one
        try:
            following = await self._action()
        except Exception:
            # The file may be full for a while; what is due must not wait for a restart.
            logger.exception("due messages are late", extra={"action": "run_due"})
            following = self._clock.now() + AGAIN_AFTER_FAILURE
        if following is not None:
            self.arm(following)
