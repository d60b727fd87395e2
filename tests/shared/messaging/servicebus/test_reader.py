"""Connections that break: the namespace goes away, and comes back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.errors import MessageLockLostError, SessionLockLostError, TransientError
from shared.messaging.amqp.nodes.service import BrokerService
from shared.messaging.entities import NamespaceDescription
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from shared.messaging.servicebus.waiting import Waiter
from tests.clocks import FakeClock
from tests.contracts.broker_steps import ORDERED, QUEUE, QUEUES, bodies, one, soon, take, text
from tests.shared.messaging.amqp.serving import HOST, Served, present_clock, serving

SECOND = timedelta(seconds=1)
NAMESPACE = NamespaceDescription(name="ns", queues=QUEUES)


@dataclass
class Door:
    """The way to a namespace that can be shut while the namespace stays."""

    served: Served
    clock: FakeClock
    port: int = 0
    service: BrokerService | None = None

    async def open(self) -> None:
        self.service = BrokerService(self.served.cores, self.served.keys, clock=self.served.clock)
        self.port = await self.service.start(HOST, self.port)

    async def shut(self) -> None:
        """Cut everybody off: the SDK takes its time to answer that a connection is closed."""
        if self.service is not None:
            closing = asyncio.create_task(self.service.close())
            self.service = None
            while not closing.done():
                await self.clock.advance(SECOND)

    @property
    def connection(self) -> ServiceBusConnection:
        (text,) = self.served.keys.connection_strings("ns", host=HOST, port=self.port)
        return ServiceBusConnection(connection_string=text)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    clock = present_clock()
    async with serving(NAMESPACE, clock=clock) as served:
        door = Door(served, clock)
        await door.open()
        yield door
        await door.shut()


@pytest.fixture
async def broker(door: Door) -> AsyncIterator[ServiceBusBroker]:
    broker = ServiceBusBroker(door.connection, clock=door.clock)
    yield broker
    await broker.close()


async def test_calls_fail_while_the_namespace_is_away_and_work_when_it_is_back(
    door: Door, broker: ServiceBusBroker
) -> None:
    receiver = broker.receiver(QUEUE)
    await broker.send(QUEUE, [text("before")])
    message = await one(receiver)
    waiting = asyncio.ensure_future(take(receiver))

    await door.shut()
    for call in (waiting, broker.send(QUEUE, [text("x")]), receiver.complete(message)):
        with pytest.raises(TransientError):
            await soon(call)
    await door.open()

    await soon(broker.send(QUEUE, [text("after")]))
    assert bodies(await take(receiver)) == ["after"]
    await soon(receiver.complete(message))  # its lock is the broker's, not the connection's
    with pytest.raises(MessageLockLostError):
        await receiver.complete(message)
    assert len(await broker.peek(QUEUE, max_messages=3)) == 1


async def test_connection_that_was_cut_is_replaced_unseen(
    door: Door, broker: ServiceBusBroker
) -> None:
    receiver = broker.receiver(QUEUE)
    await broker.send(QUEUE, [text("1"), text("2")])
    first = await one(receiver)

    await door.shut()
    await door.open()

    await soon(receiver.complete(first))
    assert bodies(await take(receiver)) == ["2"]
    await soon(broker.send(QUEUE, [text("3")]))
    assert bodies(await take(receiver)) == ["3"]


async def test_settlements_side_by_side_survive_that_the_namespace_goes_away(
    door: Door, broker: ServiceBusBroker
) -> None:
    receiver = broker.receiver(QUEUE)
    await broker.send(QUEUE, [text(str(number)) for number in range(40)])
    messages = await take(receiver, 40)

    await door.shut()
    outcomes = await soon(
        asyncio.gather(*(receiver.complete(each) for each in messages), return_exceptions=True)
    )
    assert {type(outcome) for outcome in outcomes} == {TransientError}
    await door.open()
    await soon(asyncio.gather(*(receiver.complete(each) for each in messages[:20])))
    await door.shut()
    await door.open()
    await soon(asyncio.gather(*(receiver.complete(each) for each in messages[20:])))

    assert await broker.peek(QUEUE) == []


async def test_session_ends_with_its_connection(door: Door, broker: ServiceBusBroker) -> None:
    await broker.send(ORDERED, [text("1", "s")])
    session = await broker.accept_session(ORDERED, session_id="s", max_wait=SECOND)
    message = await one(session)

    await door.shut()
    await door.open()

    with pytest.raises(SessionLockLostError):
        await soon(session.complete(message))
    await session.close()
    again = await broker.accept_session(ORDERED, session_id="s", max_wait=SECOND)
    assert bodies(await take(again)) == ["1"]


async def test_connections_that_died_of_silence_are_replaced_unseen(
    door: Door, broker: ServiceBusBroker
) -> None:
    receiver = broker.receiver(QUEUE)
    await broker.send(QUEUE, [text("1")])
    await receiver.complete(await one(receiver))

    for name in ("2", "3"):
        await door.clock.advance(timedelta(minutes=10))
        await soon(broker.send(QUEUE, [text(name)]))
        (message,) = await soon(receiver.receive(max_messages=9, max_wait=timedelta(0)))
        assert message.message.body == name.encode()
        await soon(receiver.complete(message))

    await door.clock.advance(timedelta(minutes=10))
    assert await soon(broker.peek(QUEUE)) == []


async def test_who_settles_does_not_wait_for_who_waits(broker: ServiceBusBroker) -> None:
    receiver = broker.receiver(QUEUE)
    await broker.send(QUEUE, [text("1"), text("2")])
    first, second = await take(receiver, 2)
    waiting = asyncio.ensure_future(one(receiver))
    await asyncio.wait([waiting], timeout=0.1)

    await soon(receiver.complete(first))
    await soon(receiver.abandon(second))

    assert (await soon(waiting)).delivery_count == 2


async def test_who_is_cancelled_with_a_message_in_hand_leaves_it_to_the_next(
    broker: ServiceBusBroker,
) -> None:
    reader = broker._reader(QUEUE)
    waiter = Waiter(1)
    waiter.received.add_done_callback(lambda _: waiting.cancel())
    waiting = asyncio.ensure_future(reader.receive(waiter, max_wait=None))
    await broker.send(QUEUE, [text("a")])
    await asyncio.wait([waiting])
    assert waiting.cancelled()

    message = await one(broker.receiver(QUEUE))

    assert (message.message.body, message.delivery_count) == (b"a", 1)
