"""What every broker does: messages that are put aside."""

import pytest

from shared.errors import MessageLockLostError, NotFoundError
from shared.messaging.broker import Broker, Receiver
from shared.messaging.message import MessageState, ReceivedMessage
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    DEAD_LETTERS,
    LOCK,
    QUEUE,
    bodies,
    nothing,
    one,
    soon,
    take,
    text,
)


async def put_aside(broker: Broker, receiver: Receiver) -> int:
    """Send a message, defer it and return its number."""
    await broker.send(QUEUE, [text("aside")])
    message = await one(receiver)
    await receiver.defer(message)
    return message.sequence_number


async def fetch(receiver: Receiver, number: int) -> ReceivedMessage:
    (message,) = await soon(receiver.receive_deferred([number]))
    return message


class Deferral:
    async def test_deferred_message_comes_only_by_its_number(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        receiver = broker.receiver(QUEUE)
        number = await put_aside(broker, receiver)
        await broker.send(QUEUE, [text("b")])

        await clock.advance(LOCK)

        assert bodies(await take(receiver, 2)) == ["b"]
        again = await fetch(receiver, number)
        assert (again.message.body, again.delivery_count) == (b"aside", 2)
        assert again.state is MessageState.DEFERRED

    async def test_deferring_adds_properties(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        await broker.send(QUEUE, [text("a")])
        message = await one(receiver)

        await receiver.defer(message, properties={"why": "later"})

        again = await fetch(receiver, message.sequence_number)
        assert again.message.application_properties == {"why": "later"}

    async def test_peek_shows_what_is_deferred(self, broker: Broker) -> None:
        number = await put_aside(broker, broker.receiver(QUEUE))

        (seen,) = await broker.peek(QUEUE)

        assert (seen.sequence_number, seen.state) == (number, MessageState.DEFERRED)

    async def test_deferred_message_is_locked_and_settled_as_others_are(
        self, broker: Broker
    ) -> None:
        receiver = broker.receiver(QUEUE)
        first, second = [await put_aside(broker, receiver) for _ in range(2)]
        messages = await soon(receiver.receive_deferred([second, first]))
        assert [message.sequence_number for message in messages] == [second, first]

        with pytest.raises(NotFoundError):
            await receiver.receive_deferred([first])
        await receiver.complete(messages[0])
        await receiver.dead_letter(messages[1], reason="r", description="d")

        assert await broker.peek(QUEUE) == []
        assert bodies(await take(broker.receiver(DEAD_LETTERS))) == ["aside"]
        with pytest.raises(MessageLockLostError):
            await receiver.complete(messages[0])

    async def test_one_unknown_number_locks_nothing(self, broker: Broker) -> None:
        receiver = broker.receiver(QUEUE)
        number = await put_aside(broker, receiver)
        await broker.send(QUEUE, [text("active")])
        active = (await broker.peek(QUEUE, from_sequence_number=number + 1))[0].sequence_number

        for other in (active, 987_654_321):
            with pytest.raises(NotFoundError):
                await receiver.receive_deferred([number, other])

        assert (await fetch(receiver, number)).delivery_count == 2

    async def test_what_is_given_back_stays_deferred(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        receiver = broker.receiver(QUEUE)
        number = await put_aside(broker, receiver)

        await receiver.abandon(await fetch(receiver, number))
        assert await nothing(receiver)
        late = await fetch(receiver, number)
        await clock.advance(LOCK)

        with pytest.raises(MessageLockLostError):
            await receiver.complete(late)
        # Its deliveries are used up.
        assert bodies(await take(broker.receiver(DEAD_LETTERS))) == ["aside"]
