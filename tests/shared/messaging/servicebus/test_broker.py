import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.clock import SystemClock
from shared.errors import PermanentError
from shared.messaging.broker import Broker
from shared.messaging.entities import NamespaceDescription
from shared.messaging.message import Message, ReceivedMessage
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from shared.settings import app_settings
from tests.clocks import FakeClock, settle
from tests.contracts.broker import BrokerContract
from tests.contracts.broker_steps import (
    ORDERED,
    QUEUE,
    QUEUES,
    TOPICS,
    bodies,
    nothing,
    one,
    soon,
    take,
    text,
)
from tests.contracts.redriving import Redriving
from tests.shared.messaging.amqp.serving import present_clock, serving
from tests.shared.messaging.servicebus.emptying import empty, let_go

NAMESPACE = NamespaceDescription(name="ns", queues=QUEUES, topics=TOPICS)


class AdapterContract(BrokerContract, Redriving):
    """What the adapter does, wherever the namespace is."""

    async def test_abandoning_adds_properties(self, broker: Broker) -> None:
        """The SDK has no call for it, so it is refused, and the message stays locked."""
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        message = await one(receiver)

        for settle_with in (receiver.abandon, receiver.defer):
            with pytest.raises(PermanentError, match="cannot change properties"):
                await settle_with(message, properties={"changed": 2})

        await receiver.complete(message)

    test_deferring_adds_properties = test_abandoning_adds_properties

    async def test_queue_with_sessions_cannot_be_peeked_at(self, broker: Broker) -> None:
        """The SDK peeks over a link that receives, which needs a session there."""
        with pytest.raises(PermanentError, match="requires sessions"):
            await broker.peek(ORDERED)

    async def test_cancelled_receive_takes_no_message_with_it(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        assert await nothing(receiver)
        for turns in range(0, 120, 10):
            waiting = asyncio.ensure_future(one(receiver))
            await broker.send(QUEUE, [text(str(turns))])
            await settle(turns)
            waiting.cancel()
            await asyncio.wait([waiting])

            message = await one(receiver) if waiting.cancelled() else waiting.result()

            assert (message.message.body, message.delivery_count) == (str(turns).encode(), 1)
            await receiver.complete(message)

    async def test_many_are_received_in_batches_each_once(self, broker: Broker) -> None:
        names = [str(number) for number in range(300)]
        await broker.send(QUEUE, [text(name) for name in names])
        receiver = broker.receiver(QUEUE)

        batches: list[list[ReceivedMessage]] = []
        while sum(map(len, batches)) < len(names):
            batches.append(await soon(receiver.receive(max_messages=256, max_wait=None)))

        received = [message for batch in batches for message in batch]
        assert sorted(bodies(received), key=int) == names
        assert {message.delivery_count for message in received} == {1}
        assert max(map(len, batches)) > 16
        await asyncio.gather(*(receiver.complete(message) for message in received))
        assert await broker.peek(QUEUE) == []

    async def test_more_than_one_batch_is_sent_in_order(self, broker: Broker) -> None:
        large = [Message(body=str(number).encode() * 60_000) for number in range(9)]

        await broker.send(QUEUE, large)

        received = await take(broker.receiver(QUEUE), 9)
        assert [each.message.body for each in received] == [each.body for each in large]


class TestServed(AdapterContract):
    """On a namespace of ours, whose clock the tests move."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        clock = present_clock()
        clock.set(clock.now().replace(microsecond=0))  # AMQP counts milliseconds
        return clock

    @pytest.fixture
    async def broker(self, clock: FakeClock) -> AsyncIterator[ServiceBusBroker]:
        async with serving(NAMESPACE, clock=clock) as served:
            connection = ServiceBusConnection(connection_string=served.connection_string)
            broker = ServiceBusBroker(connection, clock=clock)
            yield broker
            await broker.close()


class TestOnAzure(AdapterContract):
    """On the namespace of TOCSIN_SERVICEBUS_CONNECTION, which has the entities of `NAMESPACE` for this alone."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        pytest.skip("nobody moves the clock of a real namespace")

    @pytest.fixture
    async def broker(self) -> AsyncIterator[ServiceBusBroker]:
        text = app_settings().get("TOCSIN_SERVICEBUS_CONNECTION")
        if text is None:
            pytest.skip("TOCSIN_SERVICEBUS_CONNECTION names no namespace")
        connection = ServiceBusConnection(connection_string=text)
        broker = ServiceBusBroker(connection, clock=SystemClock())
        await empty(broker)
        yield broker
        await let_go(broker)
        await broker.close()

    async def test_full_queue_refuses_until_there_is_room(self, broker: Broker) -> None:
        pytest.skip("the smallest queue of Azure holds a gigabyte")
