import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusConnectionError

from shared.errors import TransientError
from shared.messaging.servicebus.settling import MOST, STALLED, Settlements
from tests.clocks import FakeClock
from tests.clocks import settle as all_have_run


class Connection:
    """Counts what runs at once on it, and may be broken."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.running = 0
        self.most_running = 0
        self.settled: list[int] = []
        self.is_broken = False
        self.opened = 0
        self.answers_in = timedelta(0)
        self.clock = FakeClock()
        self.settlements = Settlements(self.call, reopen=self.reopen, clock=self.clock)

    async def call(self, call: Callable[[], Awaitable[None]]) -> None:
        await self.free.wait()
        await call()

    async def reopen(self) -> None:
        self.opened += 1
        self.is_broken = False

    async def settle(self, number: int) -> None:
        """Settle through the line."""
        await self.settlements.settle(lambda: self._settle(number))

    async def _settle(self, number: int) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await all_have_run(1)
            await self.clock.sleep(self.answers_in)
            if self.is_broken:
                raise ServiceBusConnectionError(message="cut")
            if number in self.settled:
                raise MessageLockLostError
            self.settled.append(number)
        finally:
            self.running -= 1


async def settled(connection: Connection, count: int) -> None:
    """Ask for settlements while the connection is busy."""
    connection.free.clear()
    waiting = [asyncio.ensure_future(connection.settle(number)) for number in range(count)]
    await all_have_run()
    connection.free.set()
    await all_have_run()
    await connection.clock.advance(connection.answers_in)
    await asyncio.gather(*waiting)


async def test_what_gathers_goes_side_by_side_and_in_order() -> None:
    connection = Connection()

    await settled(connection, MOST + 5)

    assert connection.settled == list(range(MOST + 5))
    assert connection.most_running == MOST


async def test_broker_that_answers_several_in_one_frame_is_noticed() -> None:
    connection = Connection()
    connection.answers_in = STALLED * 1.2
    await settled(connection, 2)
    connection.answers_in = timedelta(0)
    connection.most_running = 0
    connection.settled.clear()

    await settled(connection, 10)

    assert connection.most_running == 1
    assert connection.settled == list(range(10))


async def test_one_that_takes_long_alone_proves_nothing() -> None:
    connection = Connection()
    connection.answers_in = STALLED * 1.2
    await settled(connection, 1)
    connection.answers_in = timedelta(0)
    connection.settled.clear()

    await settled(connection, 10)

    assert connection.most_running == 10


async def test_what_breaks_with_the_connection_is_settled_on_the_next() -> None:
    connection = Connection()
    connection.is_broken = True

    await settled(connection, 3)

    assert connection.settled == [0, 1, 2]
    assert connection.opened == 3


async def test_refusal_is_its_callers_alone() -> None:
    connection = Connection()
    await connection.settle(1)

    outcomes = await asyncio.gather(
        *(connection.settle(number) for number in (0, 1, 2)), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        MessageLockLostError,
        type(None),
    ]
    assert connection.opened == 0


async def test_caller_that_is_cancelled_has_settled() -> None:
    connection = Connection()
    connection.free.clear()
    waiting = asyncio.ensure_future(connection.settle(1))
    await all_have_run()

    waiting.cancel()
    connection.free.set()
    await connection.settlements.finish()

    assert connection.settled == [1]


async def test_everybody_is_told_when_there_is_no_connection() -> None:
    class Away(Connection):
        async def call(self, call: Callable[[], Awaitable[None]]) -> None:
            await self.free.wait()
            raise TransientError("away")

    connection = Away()
    connection.free.clear()
    waiting = [asyncio.ensure_future(connection.settle(number)) for number in range(3)]
    await all_have_run()
    connection.free.set()

    for each in waiting:
        with pytest.raises(TransientError, match="away"):
            await each
