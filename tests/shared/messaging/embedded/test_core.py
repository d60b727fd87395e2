import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from shared.clock import MICROSECOND, to_microseconds
from shared.errors import (
    ConfigurationError,
    EntityNotFoundError,
    MessageLockLostError,
    NotFoundError,
)
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import message_of
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.entities import (
    NamespaceDescription,
)
from shared.messaging.message import Message
from shared.sql.database import Database
from tests.clocks import FakeClock, settle
from tests.contracts.broker_steps import (
    ALL,
    FLEETING,
    LIFE,
    LOCK,
    ORDERED,
    QUEUE,
    QUEUES,
    SOME,
    TOPIC,
    TOPICS,
    UNIQUE,
    WINDOW,
    soon,
)
from tests.shared.messaging.embedded.cores import (
    NO_WAIT,
    letter,
    lock,
    make_core,
    of_amqp,
    payloads,
)


@pytest.fixture
async def core(database: Database, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    core = make_core(database, clock)
    await core.open()
    yield core
    await core.close()


def brief(body: str, session_id: str | None = None) -> Envelope:
    envelope = letter(body, session_id=session_id)
    envelope.time_to_live = LIFE // MICROSECOND
    return envelope


async def test_entities_are_found_in_any_case(core: BrokerCore) -> None:
    assert core.has_target(QUEUE.upper())
    assert core.has_source(f"{QUEUE}/$deadletterQUEUE")
    assert core.has_target(TOPIC)
    assert core.has_source(SOME.lower())
    assert not core.has_source(TOPIC)
    assert not core.has_target(SOME)
    with pytest.raises(EntityNotFoundError):
        core.source("nowhere")


async def test_messages_of_either_form_come_through_either_door(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    message = Message(body=b"a", message_id="m", application_properties={"n": 1})
    await core.send(QUEUE, [of_amqp(message)])
    port = EmbeddedBroker(database, clock=clock, queues=QUEUES, topics=TOPICS).receiver(QUEUE)

    (received,) = await port.receive(max_messages=1, max_wait=NO_WAIT)
    assert received.message == message
    await port.abandon(received, properties={"n": 2, "new": "x"})

    (again,) = await lock(core, QUEUE)
    assert again.form is Form.AMQP
    assert message_of(again).application_properties == {"n": 2, "new": "x"}


async def test_take_receives_and_deletes(core: BrokerCore) -> None:
    await core.send(QUEUE, [letter("a"), letter("b")])

    taken = await core.take(QUEUE, max_messages=5, max_wait=NO_WAIT)

    assert payloads(taken) == ["a", "b"]
    assert await core.peek(QUEUE, from_sequence_number=0, max_messages=5) == []


async def test_take_deferred_deletes_what_was_put_aside(core: BrokerCore) -> None:
    await core.send(QUEUE, [letter("a")])
    (delivery,) = await lock(core, QUEUE)
    await core.defer(QUEUE, delivery.lock_token)

    (taken,) = await core.take_deferred(QUEUE, [delivery.sequence_number])

    assert taken.payload == b"a"
    with pytest.raises(NotFoundError):
        await core.receive_deferred(QUEUE, [delivery.sequence_number])


async def test_released_delivery_does_not_count_and_its_lock_is_gone(core: BrokerCore) -> None:
    await core.send(QUEUE, [letter("a")])
    for _ in range(5):
        (delivery,) = await lock(core, QUEUE)
        await core.release(QUEUE, delivery.lock_token)

    (again,) = await lock(core, QUEUE)

    assert again.delivery_count == 1
    with pytest.raises(MessageLockLostError):
        await core.complete(QUEUE, delivery.lock_token)
    await core.complete(QUEUE, again.lock_token)


async def test_settlement_takes_properties_with_it(core: BrokerCore) -> None:
    await core.send(QUEUE, [letter("a", kept=1)])
    (delivery,) = await lock(core, QUEUE)

    await core.dead_letter(
        QUEUE, delivery.lock_token, reason="r", description="d", properties={"new": 2}
    )

    (dead,) = await lock(core, f"{QUEUE}/$DeadLetterQueue")
    assert message_of(dead).application_properties == {"kept": 1, "new": 2}


async def test_lost_lock_changes_no_properties(core: BrokerCore) -> None:
    await core.send(QUEUE, [letter("a")])
    (delivery,) = await lock(core, QUEUE)
    await core.abandon(QUEUE, delivery.lock_token)

    with pytest.raises(MessageLockLostError):
        await core.abandon(QUEUE, delivery.lock_token, {"new": 1})

    (again,) = await lock(core, QUEUE)
    assert message_of(again).application_properties == {}


async def test_peek_shows_no_more_than_250(core: BrokerCore) -> None:
    await core.send(QUEUE, [letter("a")] * 300)

    assert len(await core.peek(QUEUE, from_sequence_number=0, max_messages=1000)) == 250
    assert await core.peek(QUEUE, from_sequence_number=0, max_messages=-1) == []


async def test_peek_can_be_of_one_session(core: BrokerCore) -> None:
    letters = [letter(name, session_id=name[0]) for name in ("a1", "b1", "a2")]
    await core.send(ORDERED, letters)
    session = await core.accept_session(ORDERED, session_id="a", max_wait=NO_WAIT)
    (first,) = await lock(core, ORDERED, session=session)

    seen = await core.peek(ORDERED, from_sequence_number=0, max_messages=5, session_id="a")
    later = await core.peek(
        ORDERED,
        from_sequence_number=first.sequence_number + 1,
        max_messages=5,
        session_id="a",
    )

    assert payloads(seen) == ["a1", "a2"]
    assert [one.session_id for one in seen] == ["a", "a"]
    assert payloads(later) == ["a2"]


async def test_p7_ids_are_known_to_the_next_process(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    envelope = of_amqp(Message(body=b"a", message_id="1"))
    await core.send(UNIQUE, [envelope])

    successor = make_core(database, clock)
    await successor.open()
    await successor.send(UNIQUE, [envelope])

    assert len(await successor.peek(UNIQUE, from_sequence_number=0, max_messages=5)) == 1
    await successor.close()


async def test_p7_lock_of_who_outlives_the_broker_is_kept_until_it_ends(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    await core.send(QUEUE, [of_amqp(Message(body=name)) for name in (b"a", b"b")])
    (first,) = await core.lock(QUEUE, max_messages=1, max_wait=NO_WAIT)
    (second,) = await core.lock(QUEUE, max_messages=1, max_wait=NO_WAIT)
    await core.close()

    successor = make_core(database, clock)
    await successor.open()
    await settle()

    assert await successor.lock(QUEUE, max_messages=2, max_wait=NO_WAIT) == []
    await successor.complete(QUEUE, first.lock_token)
    waiting = asyncio.ensure_future(successor.lock(QUEUE, max_messages=2, max_wait=None))
    await settle()
    await clock.advance(LOCK)
    (again,) = await soon(waiting)
    assert (again.sequence_number, again.delivery_count) == (second.sequence_number, 2)
    await successor.close()


async def test_p12_ids_are_forgotten_after_their_window(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    await core.send(UNIQUE, [of_amqp(Message(body=b"a", message_id=str(n))) for n in range(1200)])
    await settle()

    await clock.advance(WINDOW + timedelta(seconds=10))

    def left(connection: Connection) -> int:
        count: int = connection.exec_driver_sql("SELECT count(*) FROM duplicate").scalar_one()
        return count

    assert await database.read(left) == 0


async def test_expired_message_is_not_delivered_even_when_the_timer_is_late(
    core: BrokerCore, clock: FakeClock
) -> None:
    await core.send(FLEETING, [letter("a")])
    await core.send(ORDERED, [brief("b", session_id="s")])
    await settle()

    clock.set(clock.now() + LIFE)

    assert await lock(core, FLEETING) == []
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    assert await lock(core, ORDERED, session=session) == []
    assert len(await core.peek(ORDERED, from_sequence_number=0, max_messages=1)) == 1


async def test_copies_of_a_message_live_as_long_as_it_says(
    core: BrokerCore, clock: FakeClock
) -> None:
    await core.send(TOPIC, [brief("a"), letter("b")])
    scheduled = brief("c")
    scheduled.due = to_microseconds(clock.now() + LIFE)
    await core.send(TOPIC, [scheduled])
    await settle()

    await clock.advance(LIFE)
    seen = await core.peek(ALL, from_sequence_number=0, max_messages=5)
    await clock.advance(LIFE)

    assert payloads(seen) == ["b", "c"]
    assert payloads(await lock(core, ALL, 5)) == ["b"]


async def test_message_that_becomes_active_late_lives_from_then(
    core: BrokerCore, clock: FakeClock
) -> None:
    scheduled = brief("a")
    scheduled.due = to_microseconds(clock.now() + LOCK)
    await core.send(QUEUE, [scheduled])
    await settle()
    clock.set(clock.now() + LOCK + LIFE / 2)

    await clock.advance(NO_WAIT)

    (found,) = await lock(core, QUEUE)
    assert found.expires_at == to_microseconds(clock.now() + LIFE)


async def test_large_messages_can_be_allowed(database: Database, clock: FakeClock) -> None:
    description = NamespaceDescription(name="n", queues=QUEUES)
    core = BrokerCore(database, clock=clock, description=description, max_message_size=1_048_576)

    await core.send(QUEUE, [Envelope(form=Form.PORT, payload=bytes(1_000_000), size=1_000_000)])

    with pytest.raises(ConfigurationError, match="1048577"):
        BrokerCore(database, clock=clock, description=description, max_message_size=1_048_577)
    await core.close()
