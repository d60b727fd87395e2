import asyncio

import pytest

from shared.messaging.servicebus.turns import Turns
from tests.clocks import settle


class Call:
    """One that ends when it is told to."""

    def __init__(self) -> None:
        self.has_begun = False
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.has_begun = True
        return await self.end


async def test_calls_are_run_one_after_the_other() -> None:
    turns, first, second = Turns(), Call(), Call()
    waiting = [asyncio.ensure_future(turns.take(call)) for call in (first, second)]
    await settle()
    assert (first.has_begun, second.has_begun) == (True, False)

    first.end.set_result("1")
    second.end.set_result("2")

    assert await asyncio.gather(*waiting) == ["1", "2"]


async def test_call_that_has_begun_is_finished_though_its_caller_is_cancelled() -> None:
    turns, first, second = Turns(), Call(), Call()
    cancelled, waiting = [asyncio.ensure_future(turns.take(call)) for call in (first, second)]
    await settle()

    cancelled.cancel()
    await settle()
    assert not second.has_begun
    first.end.set_exception(ValueError("nobody hears this"))
    second.end.set_result("2")

    assert await waiting == "2"


async def test_call_that_has_not_begun_never_does_when_its_caller_is_cancelled() -> None:
    turns, first, second, third = Turns(), Call(), Call(), Call()
    waiting = [asyncio.ensure_future(turns.take(call)) for call in (first, second, third)]
    await settle()

    waiting[1].cancel()
    first.end.set_result("1")
    third.end.set_result("3")

    assert await waiting[2] == "3"
    assert not second.has_begun


async def test_error_goes_to_its_caller_alone() -> None:
    turns, first, second = Turns(), Call(), Call()
    waiting = [asyncio.ensure_future(turns.take(call)) for call in (first, second)]
    first.end.set_exception(ValueError("no"))
    second.end.set_result("2")

    with pytest.raises(ValueError, match="no"):
        await waiting[0]

    assert await waiting[1] == "2"
