"""What a settlement adds to a message counts, in whichever form it was sent; nobody walks over all that has expired."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from shared.clock import MICROSECOND, to_microseconds
from shared.errors import MessageSizeExceededError
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import encode, message_of
from shared.messaging.embedded.envelope import Envelope
from shared.messaging.embedded.limits import MAX_MESSAGE_SIZE
from shared.messaging.embedded.namespace import Namespace
from shared.messaging.embedded.sessions import Sessions
from shared.messaging.embedded.settling import LOOKED_AT_AT_ONCE, Demand, Settling
from shared.messaging.embedded.signals import Signals
from shared.messaging.message import Message, PropertyValue
from shared.sql.database import Database
from tests.clocks import FakeClock, settle
from tests.contracts.broker_steps import LIFE, ORDERED, QUEUE
from tests.shared.messaging.embedded.cores import (
    DESCRIPTION,
    NO_WAIT,
    letter,
    lock,
    make_core,
    of_amqp,
    payloads,
)

FORMS = pytest.mark.parametrize("form", [encode, of_amqp], ids=["port", "amqp"])
Encode = Callable[[Message], Envelope]


@pytest.fixture
async def core(database: Database, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    core = make_core(database, clock)
    await core.open()
    yield core
    await core.close()


async def size(core: BrokerCore) -> int:
    (queue,) = [one for one in await core.counts() if one.path == QUEUE]
    return queue.size


@FORMS
async def test_properties_of_a_settlement_count(core: BrokerCore, form: Encode) -> None:
    await core.send(QUEUE, [form(Message(body=b"a", application_properties={"old": "x"}))])
    before = await size(core)
    (delivery,) = await lock(core, QUEUE)

    await core.abandon(QUEUE, delivery.lock_token, {"new": "y" * 1000})
    (again,) = await lock(core, QUEUE)
    after = await size(core)

    assert 1000 < after - before < 1020
    await core.dead_letter(
        QUEUE, again.lock_token, reason=None, description=None, properties={"new": None}
    )
    assert before < await size(core) < before + 20
    (dead,) = await lock(core, f"{QUEUE}/$DeadLetterQueue")
    await core.complete(f"{QUEUE}/$DeadLetterQueue", dead.lock_token)
    assert await size(core) == 0


@FORMS
@pytest.mark.parametrize(
    "properties",
    [{"a": "x" * 33_000}, {f"p{n}": "x" * 22_000 for n in range(3)}],
    ids=["one", "all"],
)
async def test_settlement_with_properties_that_are_too_large_is_refused(
    core: BrokerCore, form: Encode, properties: dict[str, PropertyValue]
) -> None:
    await core.send(QUEUE, [form(Message(body=b"a"))])
    (delivery,) = await lock(core, QUEUE)

    with pytest.raises(MessageSizeExceededError, match="propert"):
        await core.defer(QUEUE, delivery.lock_token, properties)

    await core.complete(QUEUE, delivery.lock_token)


@FORMS
async def test_settlement_makes_no_message_larger_than_one_may_be(
    core: BrokerCore, form: Encode
) -> None:
    await core.send(QUEUE, [form(Message(body=bytes(MAX_MESSAGE_SIZE - 100)))])
    before = await size(core)
    (delivery,) = await lock(core, QUEUE)

    with pytest.raises(MessageSizeExceededError, match=str(MAX_MESSAGE_SIZE)):
        await core.abandon(QUEUE, delivery.lock_token, {"a": "x" * 200})

    await core.abandon(QUEUE, delivery.lock_token, {"a": "x"})
    (again,) = await lock(core, QUEUE)
    assert message_of(again).application_properties == {"a": "x"}
    assert before < await size(core) <= MAX_MESSAGE_SIZE


async def send_expired(core: BrokerCore, clock: FakeClock, path: str, session: str | None) -> None:
    """Send as many expired messages as are looked at at once and one more, and one that lives."""
    brief = letter("brief", session_id=session)
    brief.time_to_live = LIFE // MICROSECOND
    await core.send(path, [brief] * (LOOKED_AT_AT_ONCE + 1))
    await core.send(path, [letter("one", session_id=session)])
    await settle()
    clock.set(clock.now() + LIFE)  # without waking whoever sweeps


@pytest.mark.parametrize(("entity", "session"), [(QUEUE, None), (ORDERED, "a")])
async def test_receiving_passes_expired_messages_that_nobody_has_swept(
    core: BrokerCore, clock: FakeClock, entity: str, session: str | None
) -> None:
    await send_expired(core, clock, entity, session)
    held = session and await core.accept_session(entity, session_id=session, max_wait=NO_WAIT)

    deliveries = await lock(core, entity, 5, session=held or None)

    assert payloads(deliveries) == ["one"]


async def test_one_transaction_looks_at_so_many_expired_messages(
    core: BrokerCore, clock: FakeClock, database: Database
) -> None:
    await send_expired(core, clock, QUEUE, None)
    namespace = Namespace(DESCRIPTION)
    signals = Signals(arrived=lambda _: None, waits_until=lambda _: None)
    settling = Settling(namespace, signals, Sessions(database, clock, lambda _: None))
    now = to_microseconds(clock.now())
    demand = Demand(namespace.source(QUEUE), 5, now, now + 1)

    first = await database.run_grouped(settling.lock, demand)
    assert first.rows == []
    assert first.cut_at is not None

    second = await database.run_grouped(settling.lock, replace(demand, after=first.cut_at))
    assert [row[8] for row in second.rows] == [b"one"]
    assert second.cut_at is None
