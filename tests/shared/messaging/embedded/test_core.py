import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from shared.errors import (
    ConfigurationError,
    ConflictError,
    EntityNotFoundError,
    InvalidFilterError,
    MessageLockLostError,
    MessageSizeExceededError,
    NotFoundError,
    PermanentError,
    SessionLockLostError,
)
from shared.messaging.amqp.envelopes import sections_of
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import message_of
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.entities import (
    NamespaceDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.messaging.message import Message
from shared.messaging.rules import (
    CorrelationFilter,
    FalseFilter,
    RuleDescription,
    SqlFilter,
    TrueFilter,
)
from shared.sql.database import Database
from tests.clocks import FakeClock, settle
from tests.contracts.broker_steps import (
    ALL,
    LOCK,
    ORDERED,
    QUEUE,
    QUEUES,
    RED,
    SOME,
    SORTED,
    TOPIC,
    TOPICS,
    UNIQUE,
    WINDOW,
    soon,
)
from tests.shared.messaging.embedded.cores import (
    FORGED,
    NO_WAIT,
    letter,
    lock,
    make_core,
    payloads,
)


@pytest.fixture
async def core(database: Database, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    core = make_core(database, clock)
    await core.open()
    yield core
    await core.close()


def of_amqp(message: Message) -> Envelope:
    payload = sections_of(message)
    return Envelope(
        form=Form.AMQP, payload=payload, size=len(payload), message_id=message.message_id
    )


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


async def test_rules_see_messages_of_either_form(core: BrokerCore) -> None:
    message = Message(body=b"amqp", application_properties={"colour": "red"})

    await core.send(SORTED, [of_amqp(message), letter("port", colour="red")])

    assert [message_of(one).body for one in await lock(core, RED, 2)] == [b"amqp", b"port"]


async def test_damaged_message_matches_no_filter_and_stops_no_other(
    core: BrokerCore, clock: FakeClock
) -> None:
    damaged = of_amqp(Message(body=b"a"))
    damaged.payload = b"\x00\x53\x74\x45" + damaged.payload
    damaged.due = int((clock.now() + LOCK).timestamp() * 1_000_000)
    await core.send(SORTED, [damaged])
    await core.send(TOPIC, [damaged])
    await settle()

    await clock.advance(LOCK)

    assert await lock(core, RED) == []
    assert len(await lock(core, ALL)) == 1


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


async def test_lock_of_a_session_that_is_gone_settles_nothing(
    core: BrokerCore, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter("a", session_id="s")])
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    (delivery,) = await lock(core, ORDERED, session=session)
    await settle()
    await clock.advance(LOCK)

    assert session.lost.is_set()
    for token in (delivery.lock_token, FORGED):
        with pytest.raises((SessionLockLostError, MessageLockLostError)):
            await core.complete(ORDERED, token)
    with pytest.raises(SessionLockLostError):
        await lock(core, ORDERED, session=session)


async def test_session_lock_that_ended_settles_nothing_even_when_the_timer_is_late(
    core: BrokerCore, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter("a", session_id="s")])
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    (delivery,) = await lock(core, ORDERED, session=session)

    clock.set(clock.now() + LOCK)

    for settling in (
        core.complete(ORDERED, delivery.lock_token),
        core.abandon(ORDERED, delivery.lock_token),
        core.release(ORDERED, delivery.lock_token),
    ):
        with pytest.raises(SessionLockLostError):
            await settling


async def test_who_waits_in_a_session_learns_that_its_lock_is_lost(
    core: BrokerCore, clock: FakeClock
) -> None:
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    waiting = asyncio.ensure_future(
        core.lock(ORDERED, max_messages=1, max_wait=None, session=session)
    )
    await settle()

    await clock.advance(LOCK)

    with pytest.raises(SessionLockLostError):
        await soon(waiting)


async def test_message_lock_is_not_renewed_where_the_session_is_what_is_locked(
    core: BrokerCore,
) -> None:
    with pytest.raises(PermanentError, match="renew the session's lock"):
        await core.renew(ORDERED, FORGED)


async def test_sessions_are_listed_by_their_ids(core: BrokerCore) -> None:
    await core.send(ORDERED, [letter("x", session_id=name) for name in ("c", "a", "c")])
    await core.set_session_state(ORDERED, "b", b"state")

    assert await core.sessions(ORDERED, skip=0, top=10) == ["a", "b", "c"]
    assert await core.sessions(ORDERED, skip=1, top=1) == ["b"]


async def test_state_is_no_larger_than_a_message(core: BrokerCore) -> None:
    await core.set_session_state(ORDERED, "a", bytes(262_144))

    with pytest.raises(MessageSizeExceededError):
        await core.set_session_state(ORDERED, "a", bytes(262_145))


async def test_closed_core_gives_back_what_its_sessions_hold(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter("a", session_id="s")])
    session = await core.accept_session(ORDERED, session_id=None, max_wait=NO_WAIT)
    await lock(core, ORDERED, session=session)

    await core.close()

    successor = make_core(database, clock)
    session = await successor.accept_session(ORDERED, session_id=None, max_wait=NO_WAIT)
    assert payloads(await lock(successor, ORDERED, session=session)) == ["a"]
    await successor.close()


async def test_p7_successor_of_a_dead_process_finds_sessions_free_and_in_order(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter(name, session_id="s") for name in "abc"])
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    await core.set_session_state(ORDERED, "s", b"half way")
    (first, second) = await lock(core, ORDERED, 2, session=session)
    await core.defer(ORDERED, first.lock_token)
    await core.receive_deferred(ORDERED, [first.sequence_number], session=session)

    successor = make_core(database, clock)
    await successor.open()

    session = await successor.accept_session(ORDERED, session_id=None, max_wait=NO_WAIT)
    assert await successor.session_state(ORDERED, "s") == b"half way"
    again = await lock(successor, ORDERED, 5, session=session)
    assert payloads(again) == ["b", "c"]
    assert [one.delivery_count for one in again] == [2, 1]
    aside = await successor.receive_deferred(ORDERED, [first.sequence_number], session=session)
    assert payloads(aside) == ["a"]
    assert second.sequence_number == again[0].sequence_number
    await successor.close()


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


async def test_rules_can_be_added_and_removed(core: BrokerCore) -> None:
    await core.add_rule(RED, RuleDescription("large", SqlFilter("size > 5")))
    await core.send(SORTED, [letter("large", size=6), letter("red", colour="red")])
    assert payloads(await lock(core, RED, 5)) == ["large", "red"]

    await core.remove_rule(RED, "LARGE")
    await core.send(SORTED, [letter("large", size=6)])

    assert await lock(core, RED, 5) == []
    assert [rule.name for rule in await core.rules(RED)] == ["red"]


async def test_rule_that_is_wrong_is_refused(core: BrokerCore) -> None:
    for rule, error in (
        (RuleDescription("RED", TrueFilter()), ConflictError),
        (RuleDescription("x" * 51, TrueFilter()), PermanentError),
        (RuleDescription("", TrueFilter()), PermanentError),
        (RuleDescription("bad", SqlFilter("size >")), InvalidFilterError),
        (RuleDescription("long", SqlFilter(" OR ".join(["a = 1"] * 200))), InvalidFilterError),
    ):
        with pytest.raises(error):
            await core.add_rule(RED, rule)
    with pytest.raises(NotFoundError):
        await core.remove_rule(RED, "none")
    with pytest.raises(EntityNotFoundError):
        await core.rules(QUEUE)
    assert [rule.name for rule in await core.rules(RED)] == ["red"]


async def test_topic_has_so_many_rules(database: Database, clock: FakeClock) -> None:
    rules = tuple(RuleDescription(f"rule {n}", FalseFilter()) for n in range(1000))
    names = ("one", "other")
    subscriptions = tuple(SubscriptionDescription(name=name, rules=rules) for name in names)
    topics = (TopicDescription(name="t", subscriptions=subscriptions),)
    core = make_core(database, clock, NamespaceDescription(name="n", topics=topics))

    with pytest.raises(PermanentError, match="2000"):
        await core.add_rule("t/Subscriptions/one", RuleDescription("more", TrueFilter()))
    await core.add_rule("t/Subscriptions/one", RuleDescription("more", CorrelationFilter()))
    await core.close()


async def test_large_messages_can_be_allowed(database: Database, clock: FakeClock) -> None:
    description = NamespaceDescription(name="n", queues=QUEUES)
    core = BrokerCore(database, clock=clock, description=description, max_message_size=1_048_576)

    await core.send(QUEUE, [Envelope(form=Form.PORT, payload=bytes(1_000_000), size=1_000_000)])

    with pytest.raises(ConfigurationError, match="1048577"):
        BrokerCore(database, clock=clock, description=description, max_message_size=1_048_577)
    await core.close()
