"""What every broker does: locks, settlements and dead letters."""

import asyncio
from uuid import UUID

import pytest

from shared.errors import MessageLockLostError, PermanentError
from shared.messaging.broker import Broker, Receiver
from shared.messaging.message import Message, PropertyValue, ReceivedMessage
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    DEAD_LETTERS,
    LOCK,
    MOMENT,
    OTHER,
    QUEUE,
    bodies,
    is_near,
    nothing,
    one,
    soon,
    take,
    text,
)


class Settling:
    async def test_locked_message_is_delivered_to_nobody_else(self, broker: Broker) -> None:
        await broker.send(QUEUE, [text("a")])

        message = await one(broker.receiver(QUEUE))

        assert await nothing(broker.receiver(QUEUE))
        assert message.delivery_count == 1

    async def test_completed_message_is_gone(self, broker: Broker, clock: FakeClock) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])

        await receiver.complete(await one(receiver))

        await clock.advance(LOCK * 2)
        assert await nothing(receiver)
        assert await broker.peek(QUEUE) == []

    async def test_abandoned_message_comes_back_at_once_and_first(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a"), text("b")])

        await receiver.abandon(await one(receiver))

        again = await take(receiver, 2)
        assert bodies(again) == ["a", "b"]
        assert [message.delivery_count for message in again] == [2, 1]

    async def test_abandoning_adds_properties(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        properties: dict[str, PropertyValue] = {"kept": "yes", "changed": 1}
        await broker.send(QUEUE, [Message(body=b"a", application_properties=properties)])

        await receiver.abandon(await one(receiver), properties={"changed": 2, "new": None})

        again = await one(receiver)
        assert again.message.application_properties == {"kept": "yes", "changed": 2, "new": None}
        assert again.message.body == b"a"

    async def test_lock_ends_by_itself_and_not_before(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        first = await one(receiver)
        assert is_near(first.locked_until, clock.now() + LOCK)

        await clock.advance(LOCK - MOMENT)
        assert await nothing(receiver)
        await clock.advance(MOMENT)

        second = await one(receiver)
        assert second.delivery_count == 2
        assert second.lock_token != first.lock_token

    async def test_waiting_receiver_gets_a_message_whose_lock_ended(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(QUEUE, [text("a")])
        await one(broker.receiver(QUEUE))
        waiting = asyncio.ensure_future(one(broker.receiver(QUEUE)))
        assert await nothing(broker.receiver(QUEUE))

        await clock.advance(LOCK)

        assert (await soon(waiting)).delivery_count == 2

    async def test_renewed_lock_lasts_from_then(self, broker: Broker, clock: FakeClock) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        message = await one(receiver)

        await clock.advance(LOCK / 2)
        assert is_near(await receiver.renew_lock(message), clock.now() + LOCK)
        await clock.advance(LOCK - MOMENT)

        assert await nothing(receiver)
        await receiver.complete(message)

    async def test_ended_lock_settles_nothing(self, broker: Broker, clock: FakeClock) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        message = await one(receiver)
        await clock.advance(LOCK)

        await self._every_settlement_is_refused(receiver, message)

        assert (await one(receiver)).delivery_count == 2

    async def test_lock_of_an_earlier_delivery_settles_nothing(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        earlier = await one(receiver)
        await receiver.abandon(earlier)
        later = await one(receiver)

        await self._every_settlement_is_refused(receiver, earlier)

        await receiver.complete(later)

    async def test_message_is_settled_once(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        message = await one(receiver)
        await receiver.complete(message)

        await self._every_settlement_is_refused(receiver, message)

    async def test_lock_that_nobody_gave_settles_nothing(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        message = await one(receiver)
        forged = ReceivedMessage(
            message=message.message,
            sequence_number=message.sequence_number,
            enqueued_time=message.enqueued_time,
            delivery_count=message.delivery_count,
            locked_until=message.locked_until,
            lock_token=UUID(int=2**128 - 1),
        )

        await self._every_settlement_is_refused(receiver, forged)

        await receiver.complete(message)

    async def test_of_equal_settlements_at_once_only_one_is_done(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a"), text("b")])
        messages = await take(receiver, 2)

        outcomes = await asyncio.gather(
            *(receiver.complete(message) for message in messages * 3), return_exceptions=True
        )

        assert outcomes.count(None) == 2
        assert sum(isinstance(outcome, MessageLockLostError) for outcome in outcomes) == 4

    async def _every_settlement_is_refused(
        self, receiver: Receiver, message: ReceivedMessage
    ) -> None:
        for settlement in (
            receiver.complete(message),
            receiver.abandon(message),
            receiver.dead_letter(message, reason="r", description="d"),
            receiver.renew_lock(message),
        ):
            with pytest.raises(MessageLockLostError):
                await settlement

    async def test_dead_lettered_message_says_why(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])

        message = await one(receiver)
        await receiver.dead_letter(message, reason="Bad", description="no such thing")

        assert await nothing(receiver)
        letter = await one(broker.receiver(DEAD_LETTERS))
        assert letter.message.body == b"a"
        assert letter.enqueued_time == message.enqueued_time
        assert letter.dead_letter_source == QUEUE
        assert letter.dead_letter_reason == "Bad"
        assert letter.dead_letter_error_description == "no such thing"

    async def test_p10_description_may_quote_anything(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])

        bad = "\ud800\x00" + "x" * 100_000
        await receiver.dead_letter(await one(receiver), reason=bad, description=bad)

        letter = await one(broker.receiver(DEAD_LETTERS))
        assert letter.dead_letter_error_description is not None
        assert len(letter.dead_letter_error_description) == 4096

    async def test_message_abandoned_too_often_is_dead_lettered(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])

        for count in (1, 2, 3):
            message = await one(receiver)
            assert message.delivery_count == count
            await receiver.abandon(message)

        assert await nothing(receiver)
        letter = await one(broker.receiver(DEAD_LETTERS))
        assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"
        assert letter.dead_letter_error_description

    async def test_message_whose_lock_ends_too_often_is_dead_lettered(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        letters = asyncio.ensure_future(one(broker.receiver(f"{OTHER}/$DeadLetterQueue")))
        await broker.send(OTHER, [text("a")])
        await one(broker.receiver(OTHER))

        await clock.advance(LOCK)

        assert (await soon(letters)).dead_letter_reason == "MaxDeliveryCountExceeded"

    async def test_dead_letter_queue_keeps_what_is_not_completed(self, broker: Broker) -> None:
        receiver, letters = broker.receiver(OTHER), broker.receiver(f"{OTHER}/$DeadLetterQueue")
        await broker.send(OTHER, [text("a")])
        await receiver.dead_letter(await one(receiver), reason="r", description="d")

        for _ in range(5):
            await letters.abandon(await one(letters))
        with pytest.raises(PermanentError, match="dead-letter queue"):
            await letters.dead_letter(letter := await one(letters), reason="r", description="d")
        await letters.complete(letter)

        assert await broker.peek(f"{OTHER}/$DeadLetterQueue") == []
