from collections.abc import AsyncIterator

import pytest

from shared.errors import PermanentError
from shared.messaging.broker import Broker
from shared.messaging.entities import NamespaceDescription
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from tests.clocks import FakeClock
from tests.contracts.broker import BrokerContract
from tests.contracts.broker_steps import ORDERED, QUEUE, QUEUES, TOPICS, one, text
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


class TestServiceBusBroker(BrokerContract):
    async def test_abandoning_adds_properties(self, broker: Broker) -> None:
        """The SDK has no call for it, so it is refused, and the message stays locked."""
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        message = await one(receiver)

        for settle in (receiver.abandon, receiver.defer):
            with pytest.raises(PermanentError, match="cannot change properties"):
                await settle(message, properties={"changed": 2})

        await receiver.complete(message)

    test_deferring_adds_properties = test_abandoning_adds_properties

    async def test_queue_with_sessions_cannot_be_peeked_at(self, broker: Broker) -> None:
        """The SDK peeks over a link that receives, which needs a session there."""
        with pytest.raises(PermanentError, match="requires sessions"):
            await broker.peek(ORDERED)
