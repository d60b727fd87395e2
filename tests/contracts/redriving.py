"""What moving dead letters back does with every broker."""

from datetime import timedelta

import pytest

from shared.errors import EntityNotFoundError
from shared.messaging.broker import Broker
from shared.messaging.message import Message
from shared.messaging.redrive import Choice, purge, redrive
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
        (letter,) = await broker.peek(DEAD_LETTERS)

        assert await redrive(broker, QUEUE, limit=10) == [letter.sequence_number]

        again = await one(broker.receiver(QUEUE))
        assert (again.message, again.delivery_count) == (sent, 1)
        assert await broker.peek(DEAD_LETTERS) == []

    async def test_oldest_are_moved_and_no_more_than_asked_for(self, broker: Broker) -> None:
        await broker.send(QUEUE, [text("a"), text("b"), text("c")])
        await bury(broker, QUEUE, 3)

        assert len(await redrive(broker, QUEUE, limit=2)) == 2

        assert bodies(await take(broker.receiver(QUEUE), 3)) == ["a", "b"]
        assert [seen.message.body for seen in await broker.peek(DEAD_LETTERS)] == [b"c"]

    async def test_dead_letters_of_a_subscription_go_to_its_topic(self, broker: Broker) -> None:
        await broker.send(TOPIC, [text("a")])
        await bury(broker, SOME, 1)
        everything = broker.receiver(ALL)
        await everything.complete(await one(everything))

        assert len(await redrive(broker, SOME, limit=1)) == 1

        assert bodies(await take(broker.receiver(SOME))) == ["a"]
        assert bodies(await take(everything)) == ["a"]
        assert await nothing(broker.receiver(f"{SOME}/$DeadLetterQueue"))

    async def test_p4_letter_without_an_id_gets_the_one_that_it_was_known_by(
        self, broker: Broker
    ) -> None:
        await broker.send(QUEUE, [Message(body=b"a")])
        receiver = broker.receiver(QUEUE)
        message = await one(receiver)
        await receiver.dead_letter(message, reason="r", description="d")

        await redrive(broker, QUEUE.upper(), limit=1)

        again = await one(broker.receiver(QUEUE))
        known_as = message.message.message_id or f"{QUEUE}/{message.sequence_number}"
        assert again.message.message_id == known_as

    async def test_chosen_letters_leave_and_the_others_stay_free(self, broker: Broker) -> None:
        await broker.send(QUEUE, [text(name) for name in "abcd"])
        await bury(broker, QUEUE, 4)
        letters = await broker.peek(DEAD_LETTERS, max_messages=4)
        chosen = frozenset({letters[1].sequence_number, letters[2].sequence_number, 10**15})

        done = await redrive(broker, QUEUE, limit=10, choice=Choice(sequence_numbers=chosen))

        assert done == sorted(chosen)[:2]
        assert bodies(await take(broker.receiver(QUEUE), 2)) == ["b", "c"]
        assert bodies(await take(broker.receiver(DEAD_LETTERS), 4)) == ["a", "d"]

    async def test_purged_letters_are_gone_and_those_from_an_instant_on_stay(
        self, broker: Broker
    ) -> None:
        await broker.send(QUEUE, [text("a"), text("b"), text("c")])
        await bury(broker, QUEUE, 3)
        letters = await broker.peek(DEAD_LETTERS, max_messages=3)
        old = Choice(before=letters[0].enqueued_time)
        new = Choice(before=letters[2].enqueued_time + timedelta(seconds=1))

        assert await purge(broker, QUEUE, limit=9, choice=old) == []
        assert len(await purge(broker, QUEUE, limit=2, choice=new)) == 2

        assert [seen.message.body for seen in await broker.peek(DEAD_LETTERS)] == [b"c"]
        assert await nothing(broker.receiver(QUEUE))

    async def test_entity_that_is_not_there_has_no_dead_letters(self, broker: Broker) -> None:
        with pytest.raises(EntityNotFoundError):
            await redrive(broker, "nowhere", limit=1)
