"""What every broker does: scheduled messages, topics and peek."""

import asyncio
from datetime import timedelta

import pytest

from shared.errors import NotFoundError
from shared.messaging.broker import Broker
from shared.messaging.message import Message
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    ALL,
    MOMENT,
    QUEUE,
    SOME,
    TOPIC,
    bodies,
    is_near,
    nothing,
    one,
    soon,
    take,
    text,
)


class SchedulingAndTopics:
    async def test_scheduled_message_comes_when_it_is_due_and_not_before(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=5)
        await broker.send(QUEUE, [Message(body=b"later", scheduled_enqueue_time=due), text("now")])
        receiver = broker.receiver(QUEUE)
        await receiver.complete(message := await one(receiver))
        assert message.message.body == b"now"
        waiting = asyncio.ensure_future(one(receiver))

        await clock.advance(timedelta(minutes=5) - MOMENT)
        assert not waiting.done()
        await clock.advance(MOMENT)

        message = await soon(waiting)
        assert message.message.body == b"later"
        assert is_near(message.message.scheduled_enqueue_time, due)
        assert is_near(message.enqueued_time, due)

    async def test_message_has_a_new_number_when_it_becomes_active(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=1)
        scheduled = Message(body=b"later", scheduled_enqueue_time=due)
        numbers = await broker.schedule(QUEUE, [scheduled])
        await broker.send(QUEUE, [text("now")])

        await clock.advance(timedelta(minutes=1))

        messages = await take(broker.receiver(QUEUE), 2)
        assert bodies(messages) == ["now", "later"]
        assert messages[1].sequence_number > messages[0].sequence_number > numbers[0]
        with pytest.raises(NotFoundError):
            await broker.cancel_scheduled(QUEUE, numbers)

    async def test_earlier_one_scheduled_later_comes_first(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        for minutes in (3, 1, 2):
            due = clock.now() + timedelta(minutes=minutes)
            message = Message(body=str(minutes).encode(), scheduled_enqueue_time=due)
            await broker.send(QUEUE, [message])
        receiver = broker.receiver(QUEUE)

        for minutes in (1, 2, 3):
            await clock.advance(timedelta(minutes=1))
            messages = await take(receiver, 3)
            assert bodies(messages) == [str(minutes)]
            await receiver.complete(messages[0])

    async def test_message_scheduled_for_the_past_is_active(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(QUEUE, [Message(body=b"a", scheduled_enqueue_time=clock.now())])

        assert bodies(await take(broker.receiver(QUEUE))) == ["a"]

    async def test_cancelled_message_never_comes(self, broker: Broker, clock: FakeClock) -> None:
        due = clock.now() + timedelta(minutes=1)
        later = [Message(body=body, scheduled_enqueue_time=due) for body in (b"a", b"b")]
        numbers = await broker.schedule(QUEUE, later)

        await broker.cancel_scheduled(QUEUE, numbers[:1])
        await clock.advance(timedelta(minutes=1))

        assert bodies(await take(broker.receiver(QUEUE), 2)) == ["b"]

    async def test_one_unknown_number_cancels_nothing(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=1)
        numbers = await broker.schedule(QUEUE, [Message(body=b"a", scheduled_enqueue_time=due)])

        with pytest.raises(NotFoundError):
            await broker.cancel_scheduled(QUEUE, [*numbers, 987_654_321])

        assert [message.sequence_number for message in await broker.peek(QUEUE)] == numbers

    async def test_active_message_cannot_be_cancelled(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        message = Message(body=b"a", scheduled_enqueue_time=clock.now())
        numbers = await broker.schedule(QUEUE, [message])

        with pytest.raises(NotFoundError):
            await broker.cancel_scheduled(QUEUE, numbers)

    async def test_every_subscription_gets_a_copy(self, broker: Broker) -> None:
        await broker.send(TOPIC, [text("a"), text("b")])

        some, everything = broker.receiver(SOME), broker.receiver(ALL)
        for message in await take(some, 3):
            await some.complete(message)

        assert await nothing(some)
        assert bodies(await take(everything, 3)) == ["a", "b"]

    async def test_subscriptions_dead_letter_apart(self, broker: Broker) -> None:
        await broker.send(TOPIC, [text("a")])
        some = broker.receiver(SOME)

        await some.dead_letter(await one(some), reason="r", description="d")

        assert bodies(await take(broker.receiver(f"{SOME}/$DeadLetterQueue"))) == ["a"]
        assert await nothing(broker.receiver(f"{ALL}/$DeadLetterQueue"))

    async def test_message_scheduled_on_a_topic_is_copied_when_due(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=1)
        message = Message(body=b"a", scheduled_enqueue_time=due)
        numbers = await broker.schedule(TOPIC, [message, message])
        await broker.cancel_scheduled(TOPIC, numbers[1:])
        waiting = asyncio.ensure_future(take(broker.receiver(SOME), 2))
        assert await nothing(broker.receiver(ALL))

        await clock.advance(timedelta(minutes=1))

        assert bodies(await soon(waiting)) == ["a"]
        assert bodies(await take(broker.receiver(ALL), 2)) == ["a"]

    async def test_topic_without_subscriptions_swallows(self, broker: Broker) -> None:
        await broker.send("unheard", [text("a")])

        assert await nothing(broker.receiver(SOME))

    async def test_peek_shows_messages_in_every_state_and_locks_none(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=1)
        scheduled = Message(body=b"scheduled", scheduled_enqueue_time=due)
        await broker.send(QUEUE, [text("locked"), text("active"), scheduled])
        receiver = broker.receiver(QUEUE)
        locked = await one(receiver)

        seen = await broker.peek(QUEUE, max_messages=10)

        assert [message.message.body for message in seen] == [b"locked", b"active", b"scheduled"]
        assert [message.delivery_count for message in seen] == [1, 0, 0]
        assert [message.state.name for message in seen] == ["ACTIVE", "ACTIVE", "SCHEDULED"]
        assert bodies(await take(receiver, 3)) == ["active"]
        after = await broker.peek(QUEUE, from_sequence_number=locked.sequence_number + 1)
        assert [message.message.body for message in after] == [b"active"]
