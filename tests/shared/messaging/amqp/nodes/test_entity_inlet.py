"""What is sent is accepted once it is kept, one by one or as a batch."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.errors import MalformedFrameError, MessageSizeExceededError
from shared.messaging.amqp.codec.envelopes import BATCH_FORMAT
from shared.messaging.amqp.codec.performatives import Accepted
from shared.messaging.amqp.codec.sections import AmqpMessage, decode_message, encode_message
from shared.messaging.amqp.engine.node import Transferred
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.amqp.nodes.entity_inlet import EntityInlet
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.entities import NamespaceDescription, QueueDescription
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.memory_links import encoded, opened_core

NAMESPACE = NamespaceDescription(name="n", queues=(QueueDescription(name="q"),))


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[BrokerCore]:
    async with opened_core(tmp_path, FakeClock(), NAMESPACE) as core:
        yield core


@pytest.fixture
def inlet(core: BrokerCore) -> EntityInlet:
    return EntityInlet(core, "q", Arrivals(FakeClock(), lambda: "given"))


async def bodies(core: BrokerCore) -> list[bytes]:
    kept = await core.peek("q", from_sequence_number=0, max_messages=250)
    return [b"".join(decode_message(one.payload).data) for one in kept]


def batch(*payloads: bytes) -> Transferred:
    return Transferred(encode_message(AmqpMessage(data=payloads)), BATCH_FORMAT, False)


async def test_message_is_accepted_when_it_is_kept(core: BrokerCore, inlet: EntityInlet) -> None:
    assert await inlet.transferred(Transferred(encoded(b"a"), 0, False)) == Accepted()

    assert await bodies(core) == [b"a"]
    await inlet.ended()


async def test_batch_is_kept_message_by_message(core: BrokerCore, inlet: EntityInlet) -> None:
    assert await inlet.transferred(batch(encoded(b"a"), encoded(b"b"))) == Accepted()

    assert await bodies(core) == [b"a", b"b"]


async def test_batch_is_kept_whole_or_not_at_all(core: BrokerCore, inlet: EntityInlet) -> None:
    with pytest.raises(MalformedFrameError):
        await inlet.transferred(batch(encoded(b"a"), b"no message"))
    with pytest.raises(MessageSizeExceededError):
        await inlet.transferred(batch(encoded(b"a"), encoded(b"x" * 300_000)))

    assert await bodies(core) == []
