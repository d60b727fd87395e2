"""One call at a time on an object of the SDK."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Value = TypeVar("Value")


class Turns:
    """The SDK's senders and receivers are not safe for tasks, nor for being cancelled between two frames.

    So calls wait in a line, and one that has begun is finished, whatever becomes of the caller.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._running: asyncio.Task[Any] | None = None

    async def take(self, call: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """Run `call` when its turn comes; who is cancelled before that has it not run."""
        await self._turn.acquire()
        task = asyncio.create_task(call())
        self._running = task
        task.add_done_callback(self._end)
        return await asyncio.shield(task)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # nobody may be left to take it
        self._turn.release()
