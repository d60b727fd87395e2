import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.errors import PermanentError
from shared.messaging.broker import Broker
from shared.messaging.entities import NamespaceDescription
from shared.messaging.message import Message, ReceivedMessage
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
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

NAMESPACE = NamespaceDescription(name="ns", queues=QUEUES, topics=TOPICS)


@pytest.fixture
def clock() -> FakeClock:
    clock = present_clock()
    clock.set(clock.now().replace(microsecond=0))  # AMQP counts milliseconds
    return clock


@pytest.fixture
async def broker(clock: FakeClock) -> AsyncIterator[ServiceBusBroker]:
    async with serving(NAMESPACE, clock=clock) as served:
        connection = ServiceBusConnection(connection_string=served.connection_string)
        broker = ServiceBusBroker(connection, clock=clock)
        yield broker
        await broker.close()


class TestServiceBusBroker(BrokerContract, Redriving):
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
