"""What every broker does: sessions."""

import asyncio
from datetime import timedelta

import pytest

from shared.errors import (
    MessageLockLostError,
    NotFoundError,
    PermanentError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)
from shared.messaging.broker import Broker, SessionReceiver
from shared.messaging.message import Message
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    LOCK,
    MOMENT,
    ORDERED,
    QUEUE,
    bodies,
    is_near,
    nothing,
    one,
    soon,
    take,
    text,
)

LETTERS = f"{ORDERED}/$DeadLetterQueue"
NO_WAIT = timedelta(0)
WAIT = timedelta(seconds=5)


async def accept(broker: Broker, session_id: str | None = None) -> SessionReceiver:
    return await soon(broker.accept_session(ORDERED, session_id=session_id, max_wait=NO_WAIT))


class Sessions:
    async def test_holder_of_a_session_receives_its_messages_in_order(self, broker: Broker) -> None:
        await broker.send(
            ORDERED, [text("a1", "a"), text("b1", "b"), text("a2", "a"), text("a3", "a")]
        )

        session = await accept(broker, "a")

        assert session.session_id == "a"
        first = await one(session)
        assert (first.message.body, first.message.session_id) == (b"a1", "a")
        await session.complete(first)
        assert bodies(await take(session, 3)) == ["a2", "a3"]

    async def test_every_holder_gets_another_session_that_has_messages(
        self, broker: Broker
    ) -> None:
        await broker.send(ORDERED, [text("1", "a"), text("2", "b"), text("3", "a")])

        sessions = [await accept(broker), await accept(broker)]

        assert sorted(session.session_id for session in sessions) == ["a", "b"]
        with pytest.raises(SessionCannotBeLockedError):
            await accept(broker)

    async def test_session_that_is_held_cannot_be_locked(self, broker: Broker) -> None:
        session = await accept(broker, "a")

        with pytest.raises(SessionCannotBeLockedError):
            await accept(broker, "a")
        await session.close()

        assert (await accept(broker, "a")).session_id == "a"

    async def test_session_named_needs_no_messages_and_gets_those_sent_later(
        self, broker: Broker
    ) -> None:
        session = await accept(broker, "a")
        assert await nothing(session)
        waiting = asyncio.ensure_future(one(session))

        await broker.send(ORDERED, [text("other", "b"), text("mine", "a")])

        assert (await soon(waiting)).message.body == b"mine"

    async def test_whoever_waits_for_a_session_gets_the_first_that_has_messages(
        self, broker: Broker
    ) -> None:
        waiting = asyncio.ensure_future(broker.accept_session(ORDERED, max_wait=WAIT))
        held = await accept(broker, "a")
        await broker.send(ORDERED, [text("1", "a")])
        await one(held)

        await broker.send(ORDERED, [text("2", "b")])

        session = await soon(waiting)
        assert session.session_id == "b"
        assert bodies(await take(session)) == ["2"]

    async def test_closing_gives_back_what_is_not_settled(self, broker: Broker) -> None:
        await broker.send(ORDERED, [text(name, "a") for name in ("1", "2", "3")])
        session = await accept(broker)
        messages = await take(session, 3)
        await session.complete(messages[0])

        await session.close()

        again = await accept(broker)
        messages = await take(again, 3)
        assert bodies(messages) == ["2", "3"]
        # On a slow machine the SDK may have let one go that came after its time to wait was up.
        assert all(message.delivery_count >= 2 for message in messages)

    async def test_lock_of_a_session_ends_by_itself(self, broker: Broker, clock: FakeClock) -> None:
        await broker.send(ORDERED, [text("1", "a"), text("2", "a")])
        session = await accept(broker)
        assert is_near(session.locked_until, clock.now() + LOCK)
        message = await one(session)

        await clock.advance(LOCK)

        again = await soon(broker.accept_session(ORDERED, max_wait=WAIT))
        messages = await take(again, 2)
        assert bodies(messages) == ["1", "2"]
        for refused in (
            session.complete(message),
            session.abandon(message),
            session.defer(message),
            session.dead_letter(message, reason="r", description="d"),
            session.renew_session_lock(),
            session.get_state(),
            session.set_state(b""),
            session.receive(max_messages=1, max_wait=NO_WAIT),
        ):
            with pytest.raises(SessionLockLostError):
                await soon(refused)
        await again.complete(messages[0])

    async def test_renewed_session_lock_lasts_from_then_for_all_messages(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        await broker.send(ORDERED, [text("1", "a"), text("2", "a")])
        session = await accept(broker)
        first, second = await take(session, 2)

        await clock.advance(LOCK / 2)
        until = await session.renew_session_lock()
        await clock.advance(LOCK / 2)
        await session.complete(first)
        assert is_near(await session.renew_lock(second), clock.now() + LOCK)
        await clock.advance(LOCK - MOMENT)
        await session.complete(second)

        assert is_near(until, clock.now() - LOCK / 2 + MOMENT)
        assert is_near(session.locked_until, clock.now() + MOMENT)
        assert await nothing(session)

    async def test_message_of_a_session_is_settled_once(self, broker: Broker) -> None:
        await broker.send(ORDERED, [text("1", "a")])
        session = await accept(broker)
        message = await one(session)
        await session.complete(message)

        with pytest.raises(MessageLockLostError):
            await session.complete(message)

    async def test_abandoned_message_comes_back_before_later_ones(self, broker: Broker) -> None:
        await broker.send(ORDERED, [text("1", "a"), text("2", "a")])
        session = await accept(broker)

        await session.abandon(await one(session))

        messages = await take(session, 2)
        assert bodies(messages) == ["1", "2"]
        assert [message.delivery_count for message in messages] == [2, 1]

    async def test_dead_letters_belong_to_no_session(self, broker: Broker) -> None:
        await broker.send(ORDERED, [text("1", "a"), text("2", "a")])
        session = await accept(broker)

        await session.dead_letter(await one(session), reason="r", description="d")
        for _ in range(3):
            await session.abandon(await one(session))

        letters = await take(broker.receiver(LETTERS), 2)
        assert bodies(letters) == ["1", "2"]
        assert [letter.message.session_id for letter in letters] == ["a", "a"]
        assert [letter.dead_letter_reason for letter in letters] == [
            "r",
            "MaxDeliveryCountExceeded",
        ]

    async def test_deferred_message_belongs_to_its_session(self, broker: Broker) -> None:
        await broker.send(ORDERED, [text("1", "a"), text("2", "a")])
        session = await accept(broker)
        message = await one(session)

        await session.defer(message)

        assert bodies(await take(session, 2)) == ["2"]
        other = await accept(broker, "b")
        with pytest.raises(NotFoundError):
            await other.receive_deferred([message.sequence_number])
        (again,) = await session.receive_deferred([message.sequence_number])
        await session.complete(again)
        with pytest.raises(NotFoundError):
            await session.receive_deferred([message.sequence_number])

    async def test_state_stays_with_the_session(self, broker: Broker) -> None:
        session = await accept(broker, "a")
        assert await session.get_state() is None
        await session.set_state(b"\x00\xff")
        await session.set_state(b"half way")
        await session.close()

        session, other = await accept(broker, "a"), await accept(broker, "b")
        assert await session.get_state() == b"half way"
        assert await other.get_state() is None
        await session.set_state(None)

        assert await session.get_state() is None

    async def test_scheduled_message_joins_its_session_when_due(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + LOCK / 2
        await broker.send(
            ORDERED,
            [Message(body=b"later", session_id="a", scheduled_enqueue_time=due), text("now", "a")],
        )
        session = await accept(broker)
        assert bodies(await take(session, 2)) == ["now"]
        waiting = asyncio.ensure_future(one(session))

        await clock.advance(LOCK / 2)

        assert (await soon(waiting)).message.body == b"later"

    async def test_message_without_a_session_is_refused_where_one_is_required(
        self, broker: Broker
    ) -> None:
        with pytest.raises(PermanentError):
            await broker.send(ORDERED, [text("a", "s"), text("b")])

        with pytest.raises(SessionCannotBeLockedError):
            await accept(broker)

    async def test_entity_has_sessions_or_has_none(self, broker: Broker) -> None:
        with pytest.raises(PermanentError):
            await take(broker.receiver(ORDERED))
        with pytest.raises(PermanentError):
            await soon(broker.accept_session(QUEUE, max_wait=NO_WAIT))

    async def test_closing_a_session_ends_its_calls(self, broker: Broker) -> None:
        session = await accept(broker, "a")
        waiting = asyncio.ensure_future(take(session))
        assert await nothing(session)

        await session.close()

        assert await soon(waiting) == []
        assert await take(session) == []
