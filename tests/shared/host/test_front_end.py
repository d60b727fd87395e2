import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.host.answers import Answer
from shared.host.front_end import LONGEST_ANSWER, FrontEnd
from shared.host.http_trigger import send_answer
from tests.clocks import FakeClock, settle
from tests.shared.host.hosting import call

MOMENT = timedelta(milliseconds=1)


class SlowApp:
    """Answers when its gate is opened; the first part of the answer alone where it `begins_early`."""

    def __init__(self, *, begins_early: bool = False) -> None:
        self.gate = asyncio.Event()
        self.ended = False
        self._begins_early = begins_early

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._begins_early:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.gate.wait()
        if self._begins_early:
            await send({"type": "http.response.body", "body": b"late"})
        else:
            await send_answer(send, Answer(200, [], b"done"))
        self.ended = True


async def test_an_answer_within_the_limit_is_passed_on() -> None:
    app, clock = SlowApp(), FakeClock()
    waiting = asyncio.create_task(call(FrontEnd(app, clock), "GET", "/"))
    await clock.advance(LONGEST_ANSWER - MOMENT)

    app.gate.set()

    reply = await waiting
    assert (reply.status, reply.body) == (200, b"done")


async def test_after_230_seconds_the_caller_gets_504_and_the_function_goes_on() -> None:
    app, clock = SlowApp(), FakeClock()
    waiting = asyncio.create_task(call(FrontEnd(app, clock), "GET", "/"))
    await settle()

    await clock.advance(LONGEST_ANSWER)

    reply = await waiting
    running_on = not app.ended
    app.gate.set()
    await settle()
    assert (running_on, app.ended) == (True, True)
    assert (reply.status, reply.body) == (504, b"")


async def test_an_answer_that_has_begun_is_not_cut() -> None:
    app, clock = SlowApp(begins_early=True), FakeClock()
    waiting = asyncio.create_task(call(FrontEnd(app, clock), "GET", "/"))
    await settle()
    await clock.advance(LONGEST_ANSWER)

    app.gate.set()

    reply = await waiting
    assert (reply.status, reply.body) == (200, b"late")


async def test_a_server_that_ends_takes_the_function_along() -> None:
    app = SlowApp()
    waiting = asyncio.create_task(call(FrontEnd(app, FakeClock()), "GET", "/"))
    await settle()

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    app.gate.set()
    await settle()
    assert not app.ended


async def test_what_the_app_raises_reaches_the_server() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await call(FrontEnd(broken, FakeClock()), "GET", "/")
