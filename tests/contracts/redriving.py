"""What moving dead letters back does with every broker."""

import pytest

from shared.errors import EntityNotFoundError
from shared.messaging.broker import Broker
from shared.messaging.message import Message
from shared.messaging.redrive import redrive
from tests.contracts.broker_steps import (
    ALL,
    DEAD_LETTERS,
    QUEUE,
    SOME,
    TOPIC,
    bodies,
    nothing,
    one,
    take,
    text,
)


async def bury(broker: Broker, source: str, count: int) -> None:
    """Dead-letter messages that are there."""
    receiver = broker.receiver(source)
    for message in await take(receiver, count):
        await receiver.dead_letter(message, reason="r", description="d")


class Redriving:
    async def test_dead_letters_come_back_as_they_were_sent(self, broker: Broker) -> None:
        sent = Message(body=b"a", message_id="m", subject="s", application_properties={"number": 7})
        await broker.send(QUEUE, [sent])
        await bury(broker, QUEUE, 1)

        assert await redrive(broker, QUEUE, limit=10) == 1

        again = await one(broker.receiver(QUEUE))
        assert (again.message, again.delivery_count) == (sent, 1)
        assert await broker.peek(DEAD_LETTERS) == []

    async def test_oldest_are_moved_and_no_more_than_asked_for(self, broker: Broker) -> None:
        await broker.send(QUEUE, [text("a"), text("b"), text("c")])
        await bury(broker, QUEUE, 3)

        assert await redrive(broker, QUEUE, limit=2) == 2

        assert bodies(await take(broker.receiver(QUEUE), 3)) == ["a", "b"]
        assert [seen.message.body for seen in await broker.peek(DEAD_LETTERS)] == [b"c"]

    async def test_dead_letters_of_a_subscription_go_to_its_topic(self, broker: Broker) -> None:
        await broker.send(TOPIC, [text("a")])
        await bury(broker, SOME, 1)
        everything = broker.receiver(ALL)
        await everything.complete(await one(everything))

        assert await redrive(broker, SOME, limit=1) == 1

        assert bodies(await take(broker.receiver(SOME))) == ["a"]
        assert bodies(await take(everything)) == ["a"]
        assert await nothing(broker.receiver(f"{SOME}/$DeadLetterQueue"))

    async def test_entity_that_is_not_there_has_no_dead_letters(self, broker: Broker) -> None:
        with pytest.raises(EntityNotFoundError):
            await redrive(broker, "nowhere", limit=1)
