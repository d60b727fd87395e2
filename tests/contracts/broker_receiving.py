"""What every broker does: sending, waiting and receiving."""

import asyncio
from datetime import timedelta

import pytest

from shared.errors import EntityNotFoundError, PermanentError, QuotaExceededError
from shared.messaging.broker import Broker
from shared.messaging.message import Message
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    ALL,
    DEAD_LETTERS,
    MOMENT,
    OTHER,
    QUEUE,
    ROOM,
    SMALL,
    TOPIC,
    bodies,
    nothing,
    one,
    soon,
    take,
    text,
)

PROPERTIES = 256
"""What an id and the sections of a message take at most of its size, where it is encoded for a wire."""


class SendingAndReceiving:
    async def test_message_comes_back_as_it_was_sent(self, broker: Broker) -> None:
        sent = Message(
            body=b"\x00\xff",
            message_id="m",
            correlation_id="c",
            session_id="s",
            partition_key="s",  # no other goes with a session
            subject="subject",
            content_type="application/json",
            reply_to="replies",
            to="somebody",
            application_properties={"text": "ü", "number": 7, "yes": True, "none": None},
        )

        await broker.send(QUEUE, [sent])

        assert (await one(broker.receiver(QUEUE))).message == sent

    async def test_messages_come_in_the_order_of_sending(self, broker: Broker) -> None:
        await broker.send(QUEUE, [text("a"), text("b")])
        await broker.send(QUEUE, [text("c")])

        messages = await take(broker.receiver(QUEUE), 3)

        assert bodies(messages) == ["a", "b", "c"]
        numbers = [message.sequence_number for message in messages]
        assert numbers == sorted(set(numbers))

    async def test_case_of_an_entity_does_not_matter(self, broker: Broker) -> None:
        await broker.send(QUEUE.upper(), [text("a")])

        assert bodies(await take(broker.receiver(QUEUE.title()))) == ["a"]

    async def test_entities_are_apart(self, broker: Broker) -> None:
        await broker.send(OTHER, [text("a")])

        assert await nothing(broker.receiver(QUEUE))

    @pytest.mark.parametrize("entity", ["nowhere", ALL, DEAD_LETTERS])
    async def test_only_queues_and_topics_can_be_sent_to(self, broker: Broker, entity: str) -> None:
        with pytest.raises(EntityNotFoundError):
            await broker.send(entity, [text("a")])

    @pytest.mark.parametrize("entity", ["nowhere", TOPIC, f"{TOPIC}/Subscriptions/none"])
    async def test_only_queues_and_subscriptions_can_be_received_from(
        self, broker: Broker, entity: str
    ) -> None:
        with pytest.raises(EntityNotFoundError):
            await take(broker.receiver(entity))

    async def test_too_large_a_message_is_refused_with_all_sent_beside_it(
        self, broker: Broker
    ) -> None:
        with pytest.raises(PermanentError, match="262144"):
            await broker.send(QUEUE, [text("a"), Message(body=bytes(262_145))])

        assert await nothing(broker.receiver(QUEUE))

    async def test_p10_id_that_is_no_text_is_refused(self, broker: Broker) -> None:
        with pytest.raises(PermanentError, match="no text"):
            await broker.send(QUEUE, [Message(body=b"", message_id="\ud800")])

    @pytest.mark.parametrize(
        "message",
        [
            Message(body=b"", message_id="m" * 129),
            Message(body=b"", session_id="s" * 129),
            Message(body=b"", application_properties={"a": "x" * 33_000}),
            Message(body=b"", application_properties=dict.fromkeys("abc", "x" * 30_000)),
        ],
        ids=["message id", "session id", "property", "properties"],
    )
    async def test_p10_ids_and_properties_have_their_limits(
        self, broker: Broker, message: Message
    ) -> None:
        with pytest.raises(PermanentError):
            await broker.send(QUEUE, [message])

        assert await broker.peek(QUEUE) == []

    async def test_longest_ids_pass(self, broker: Broker) -> None:
        message = Message(body=b"", message_id="m" * 128, session_id="s" * 128)

        await broker.send(QUEUE, [message])

        received = (await one(broker.receiver(QUEUE))).message
        assert received.message_id == message.message_id
        assert received.session_id == message.session_id

    async def test_full_queue_refuses_until_there_is_room(self, broker: Broker) -> None:
        large = Message(body=bytes(ROOM // 2 - PROPERTIES))
        await broker.send(SMALL, [large, large])
        receiver = broker.receiver(SMALL)

        with pytest.raises(QuotaExceededError):
            await broker.send(SMALL, [large])
        await receiver.dead_letter(await one(receiver), reason="r", description="d")
        with pytest.raises(QuotaExceededError):
            await broker.send(SMALL, [large])
        await receiver.complete(await one(receiver))

        await broker.send(SMALL, [large])

    async def test_largest_message_passes(self, broker: Broker) -> None:
        body = bytes(262_144 - PROPERTIES)
        await broker.send(QUEUE, [Message(body=body)])

        assert (await one(broker.receiver(QUEUE))).message.body == body

    async def test_waiting_receiver_gets_what_is_sent(self, broker: Broker) -> None:
        waiting = asyncio.ensure_future(one(broker.receiver(QUEUE)))
        assert await nothing(broker.receiver(QUEUE))

        await broker.send(QUEUE, [text("a")])

        assert (await soon(waiting)).message.body == b"a"

    async def test_every_waiting_receiver_gets_one(self, broker: Broker) -> None:
        waiting = [asyncio.ensure_future(one(broker.receiver(QUEUE))) for _ in range(20)]
        assert await nothing(broker.receiver(QUEUE))

        await asyncio.gather(*(broker.send(QUEUE, [text(str(number))]) for number in range(20)))

        received = bodies(await soon(asyncio.gather(*waiting)))
        assert sorted(received, key=int) == [str(number) for number in range(20)]

    async def test_who_waits_longest_is_served_first(self, broker: Broker) -> None:
        first = asyncio.ensure_future(one(broker.receiver(QUEUE)))
        assert await nothing(broker.receiver(QUEUE))
        second = asyncio.ensure_future(one(broker.receiver(QUEUE)))
        assert await nothing(broker.receiver(QUEUE))

        await broker.send(QUEUE, [text("a")])
        assert (await soon(first)).message.body == b"a"
        await broker.send(QUEUE, [text("b")])

        assert (await soon(second)).message.body == b"b"

    async def test_receive_ends_when_its_time_is_over(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        waiting = asyncio.ensure_future(
            broker.receiver(QUEUE).receive(max_messages=1, max_wait=timedelta(seconds=5))
        )
        assert await nothing(broker.receiver(QUEUE))

        await clock.advance(timedelta(seconds=5) - MOMENT)
        assert not waiting.done()
        await clock.advance(MOMENT)

        assert await soon(waiting) == []

    async def test_closing_a_receiver_ends_its_calls(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        waiting = asyncio.ensure_future(take(receiver))
        assert await nothing(broker.receiver(QUEUE))

        await receiver.close()

        assert await soon(waiting) == []
        assert await take(receiver) == []

    async def test_closing_the_broker_ends_every_call(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        waiting = asyncio.ensure_future(take(receiver))
        assert await nothing(broker.receiver(QUEUE))

        await broker.close()

        assert await soon(waiting) == []
        assert await take(receiver) == []
