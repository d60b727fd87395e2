"""Runs what nodes do, at once and on the event loop's time.

A coroutine runs until it first waits before it costs a task: most answers to a frame need none. Until then there is no
current task, so `asyncio.timeout` must not be the first thing that waits in it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from shared.messaging.amqp.codec.performatives import Error
from shared.messaging.amqp.engine.node import DescribeError

T = TypeVar("T")
Finished = Callable[[T | None, Exception | None], None]


class Runner:
    """Keeps the tasks of one connection until they are done; a `Finished` gets the result or what was raised."""

    def __init__(self, describe: DescribeError) -> None:
        self._describe = describe
        self._tasks: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, T], finished: Finished[T]) -> None:
        """Begin `work` now; it goes on in a task if it waits."""
        try:
            awaited = work.send(None)
        except StopIteration as end:
            finished(end.value, None)
        except Exception as error:  # whatever a node raises is told to the peer
            finished(None, error)
        else:
            _keep(self._tasks, _finish(_go_on(work, awaited), finished))

    def start(self, work: Coroutine[Any, Any, T], finished: Finished[T]) -> asyncio.Task[None]:
        """Begin `work` in a task, which may be cancelled: then `finished` is not called."""
        task = _keep(self._tasks, _finish(work, finished))
        # Cancelled before its first step, the task would leave it behind unawaited.
        task.add_done_callback(lambda _: work.close())
        return task

    def end(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what a node does at its end."""
        _keep(self._endings, _finish(work, self._ended))

    async def all_ended(self) -> None:
        """Wait for what was begun by `end`."""
        while self._endings:
            await asyncio.wait(self._endings)

    def error_of(self, failure: Exception) -> Error:
        """Return what the peer is told of a node's failure."""
        return self._describe(failure)

    async def drain(self) -> None:
        """Wait until everything is done, also what begins meanwhile."""
        while pending := self._tasks | self._endings:
            await asyncio.wait(pending)

    def cancel(self) -> None:
        """Have everything end that has not yet."""
        for task in self._tasks | self._endings:
            task.cancel()

    def _ended(self, _: object, failure: Exception | None) -> None:
        if failure is not None:
            self.error_of(failure)


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


async def _finish(work: Awaitable[T], finished: Finished[T]) -> None:
    try:
        result = await work
    except Exception as error:  # whatever a node raises is told to the peer
        finished(None, error)
    else:
        finished(result, None)


@coroutine
def _go_on(work: Coroutine[Any, Any, T], awaited: Any) -> Any:
    """Be for the task what `work` would have been, had it begun in it: it waits for `awaited` now."""
    step: Callable[[], Any]
    while True:
        try:
            answer = yield awaited
        except BaseException as error:  # cancellation and closing too are the work's to handle
            step = partial(work.throw, error)
        else:
            step = partial(work.send, answer)
        try:
            awaited = step()
        except StopIteration as end:
            return end.value
