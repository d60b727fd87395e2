import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from shared.messaging.amqp.engine.runner import Runner
from tests.clocks import settle
from tests.shared.messaging.amqp.memory import describe


class Heard:
    """What a runner says: results and failures, in their order."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.runner = Runner(describe)

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        self.runner.run(work, self._hear)

    def start(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        return self.runner.start(work, self._hear)

    def _hear(self, result: object, failure: Exception | None) -> None:
        self.said.append(failure or result)


async def returning(value: object) -> object:
    return value


async def failing(error: Exception) -> object:
    raise error


async def after(gate: asyncio.Event, work: Coroutine[Any, Any, object]) -> object:
    await gate.wait()
    await settle(2)
    return await work


async def test_what_does_not_wait_is_done_at_once() -> None:
    heard, error = Heard(), ValueError("no")

    heard.run(returning(7))
    heard.run(failing(error))

    assert heard.said == [7, error]


async def test_what_waits_goes_on_in_a_task_while_others_are_done() -> None:
    heard, error, gate = Heard(), ValueError("no"), asyncio.Event()

    heard.run(after(gate, returning("late")))
    heard.run(after(gate, failing(error)))
    heard.run(returning("early"))
    assert heard.said == ["early"]
    gate.set()
    await heard.runner.drain()

    assert heard.said == ["early", "late", error]


async def test_what_waits_for_something_done_goes_on() -> None:
    heard = Heard()
    done = asyncio.get_running_loop().create_future()
    done.set_result("there")

    async def wait() -> object:
        await settle(1)
        async with asyncio.timeout(10):  # there is a task by now
            return await done

    heard.run(wait())
    await heard.runner.drain()

    assert heard.said == ["there"]


async def test_cancelling_reaches_what_waits_and_says_nothing() -> None:
    heard, gate, cancelled = Heard(), asyncio.Event(), list[str]()

    async def wait(name: str) -> None:
        try:
            await gate.wait()
        finally:
            cancelled.append(name)

    heard.run(wait("run"))
    heard.start(wait("started"))
    heard.runner.end(wait("ending"))
    await settle()

    heard.runner.cancel()
    await heard.runner.drain()

    assert sorted(cancelled) == ["ending", "run", "started"]
    assert heard.said == []


@pytest.mark.filterwarnings("error")
async def test_what_is_cancelled_before_its_first_step_leaves_nothing_unawaited() -> None:
    heard = Heard()

    heard.start(returning(1)).cancel()
    await heard.runner.drain()

    assert heard.said == []


async def test_endings_are_waited_for_apart() -> None:
    heard, gate, ended = Heard(), asyncio.Event(), list[str]()

    async def end() -> None:
        await settle(3)
        ended.append("ended")
        raise ValueError("asked to fail")

    heard.run(after(gate, returning("late")))
    heard.runner.end(end())
    await heard.runner.all_ended()

    assert (ended, heard.said) == (["ended"], [])
    gate.set()
    await heard.runner.drain()
    assert heard.said == ["late"]
