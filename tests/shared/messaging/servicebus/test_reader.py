"""Connections that break: the namespace goes away, and comes back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.clock import SystemClock
from shared.errors import MessageLockLostError, SessionLockLostError, TransientError
from shared.messaging.amqp.service import BrokerService
from shared.messaging.entities import NamespaceDescription
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
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
    broker = ServiceBusBroker(door.connection, clock=SystemClock())
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
