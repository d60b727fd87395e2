"""What every broker does: messages that live for a time, and ids that are known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import MessageLockLostError, NotFoundError
from shared.messaging.broker import Broker
from shared.messaging.message import Message
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    FLEETING,
    LIFE,
    LOCK,
    MOMENT,
    QUEUE,
    UNIQUE,
    WINDOW,
    bodies,
    is_near,
    nothing,
    one,
    soon,
    take,
    text,
)

SECOND = timedelta(seconds=1)
EXPIRED = f"{FLEETING}/$DeadLetterQueue"


def with_id(message_id: str | None, body: str = "a") -> Message:
    return Message(body=body.encode(), message_id=message_id)


async def settled(broker: Broker, entity: str) -> Sequence[str]:
    """Take and complete all that is there, and return the bodies."""
    receiver = broker.receiver(entity)
    messages = []
    while received := await soon(receiver.receive(max_messages=10, max_wait=timedelta(0))):
        for message in received:
            await receiver.complete(message)
        messages += received
    return bodies(messages)


class DuplicatesAndExpiry:
    async def test_message_lives_as_long_as_it_says(self, broker: Broker, clock: FakeClock) -> None:
        message = Message(body=b"a", time_to_live=5 * SECOND)
        await broker.send(QUEUE, [message, message, text("b")])
        receiver = broker.receiver(QUEUE)

        await clock.advance(5 * SECOND - MOMENT)
        first = await one(receiver)
        await clock.advance(MOMENT)

        assert first.message.time_to_live == 5 * SECOND
        assert is_near(first.expires_at, first.enqueued_time + 5 * SECOND)
        assert bodies(await take(receiver, 3)) == ["b"]
        assert await nothing(broker.receiver(f"{QUEUE}/$DeadLetterQueue"))

    async def test_expired_message_is_dead_lettered_where_the_entity_says_so(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(FLEETING, [text("a")])

        await clock.advance(LIFE)

        assert await nothing(broker.receiver(FLEETING))
        letter = await one(broker.receiver(EXPIRED))
        assert letter.message.body == b"a"
        assert letter.dead_letter_reason == "TTLExpiredException"
        assert letter.dead_letter_error_description

    async def test_shorter_of_two_times_to_live_counts(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(FLEETING, [Message(body=b"long", time_to_live=LIFE * 2)])
        await broker.send(FLEETING, [Message(body=b"short", time_to_live=LIFE / 2)])
        letters = broker.receiver(EXPIRED)

        await clock.advance(LIFE / 2)
        assert bodies(await take(letters, 2)) == ["short"]
        await clock.advance(LIFE / 2)

        assert "long" in bodies(await take(letters, 2))

    async def test_locked_message_outlives_its_time_until_the_lock_ends(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(FLEETING, [text("kept"), text("dropped")])
        receiver = broker.receiver(FLEETING)
        await clock.advance(LIFE - SECOND)
        kept, _ = await take(receiver, 2)

        await clock.advance(LOCK - SECOND)
        await receiver.complete(kept)
        assert await broker.peek(EXPIRED) == []
        await clock.advance(SECOND)

        assert bodies(await take(broker.receiver(EXPIRED), 2)) == ["dropped"]

    async def test_abandoned_message_whose_time_is_over_does_not_come_back(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(FLEETING, [text("a")])
        receiver = broker.receiver(FLEETING)
        await clock.advance(LIFE - SECOND)
        message = await one(receiver)
        await clock.advance(SECOND)

        await receiver.abandon(message)

        assert await nothing(receiver)
        assert bodies(await take(broker.receiver(EXPIRED))) == ["a"]

    async def test_scheduled_message_lives_from_when_it_is_due(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + LIFE * 2
        await broker.send(FLEETING, [Message(body=b"a", scheduled_enqueue_time=due)])
        assert await nothing(broker.receiver(FLEETING))

        await clock.advance(LIFE * 3 - SECOND)
        message = await one(broker.receiver(FLEETING))

        assert is_near(message.expires_at, due + LIFE)

    async def test_dead_letters_do_not_expire_and_deferred_messages_when_they_are_asked_for(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(FLEETING, [text("letter"), text("aside")])
        receiver = broker.receiver(FLEETING)
        letter, aside = await take(receiver, 2)
        await receiver.dead_letter(letter, reason="r", description="d")
        await receiver.defer(aside)

        await clock.advance(LIFE * 2)

        assert bodies(await take(broker.receiver(EXPIRED), 2)) == ["letter"]
        for _ in range(2):
            with pytest.raises(NotFoundError) as raised:
                await receiver.receive_deferred([aside.sequence_number])
            assert raised.value.code == "MessageNotFound"
        gone = await one(broker.receiver(EXPIRED))
        assert (gone.message.body, gone.dead_letter_reason) == (b"aside", "TTLExpiredException")

    async def test_expired_deferred_message_is_dropped_where_the_entity_does_not_keep_it(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(QUEUE, [Message(body=b"a", time_to_live=SECOND), text("b")])
        receiver = broker.receiver(QUEUE)
        numbers = []
        for message in await take(receiver, 2):
            await receiver.defer(message)
            numbers.append(message.sequence_number)

        await clock.advance(SECOND)
        with pytest.raises(NotFoundError):
            await receiver.receive_deferred(numbers)

        assert bodies(await receiver.receive_deferred(numbers[1:])) == ["b"]
        assert [left.message.body for left in await broker.peek(QUEUE)] == [b"b"]
        assert await broker.peek(f"{QUEUE}/$DeadLetterQueue") == []

    async def test_message_of_a_known_id_is_accepted_and_dropped(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(UNIQUE, [with_id("1"), with_id("2"), with_id("1")])
        assert await settled(broker, UNIQUE) == ["a", "a"]

        await clock.advance(WINDOW - MOMENT)
        await broker.send(UNIQUE, [with_id("1")])
        assert await nothing(broker.receiver(UNIQUE))
        await clock.advance(MOMENT)

        await broker.send(UNIQUE, [with_id("1", "late")])
        assert await settled(broker, UNIQUE) == ["late"]

    async def test_id_of_a_scheduled_message_is_known(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=1)
        scheduled = replace(with_id("1", "later"), scheduled_enqueue_time=due)
        await broker.schedule(UNIQUE, [scheduled])

        await broker.send(UNIQUE, [with_id("1", "now")])
        await clock.advance(timedelta(minutes=1))

        assert await settled(broker, UNIQUE) == ["later"]

    async def test_messages_are_no_duplicates_elsewhere(self, broker: Broker) -> None:
        await broker.send(UNIQUE, [with_id("1")])

        await broker.send(QUEUE, [with_id("1"), with_id("1")])

        assert await settled(broker, QUEUE) == ["a", "a"]

    async def test_lock_of_an_expired_message_ends_as_others_do(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(QUEUE, [Message(body=b"a", time_to_live=SECOND)])
        receiver = broker.receiver(QUEUE)
        message = await one(receiver)

        await clock.advance(LOCK)

        with pytest.raises(MessageLockLostError):
            await receiver.complete(message)
        assert await broker.peek(QUEUE) == []
