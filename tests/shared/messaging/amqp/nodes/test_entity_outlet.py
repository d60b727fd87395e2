"""Messages leave for credit only, under locks, and what is decided about them is carried out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import NO_TIME
from shared.errors import InvalidRequestError, MessageLockLostError, SessionLockLostError
from shared.messaging.amqp.codec.performatives import (
    Accepted,
    Error,
    Modified,
    Outcome,
    Rejected,
    Released,
)
from shared.messaging.amqp.codec.sections import decode_message
from shared.messaging.amqp.nodes.entity_outlet import EntityOutlet, SessionOutlet
from shared.messaging.amqp.nodes.managed_entity import HeldSessions
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.envelope import lock_token
from shared.messaging.entities import NamespaceDescription, QueueDescription
from tests.clocks import FakeClock, settle
from tests.shared.messaging.amqp.memory_links import MemoryOutlet, encoded, opened_core, put

LOCK = timedelta(seconds=30)
LETTERS = "a/$deadletterqueue"
NAMESPACE = NamespaceDescription(
    name="n",
    queues=(
        QueueDescription(name="a", lock_duration=LOCK),
        QueueDescription(name="s", lock_duration=LOCK, requires_session=True),
    ),
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def core(tmp_path: Path, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    async with opened_core(tmp_path, clock, NAMESPACE) as core:
        yield core


@pytest.fixture
def outlet() -> MemoryOutlet:
    return MemoryOutlet()


@pytest.fixture
async def node(core: BrokerCore, outlet: MemoryOutlet) -> AsyncIterator[EntityOutlet]:
    node = EntityOutlet(core, "a", outlet, is_settling=True)
    yield node
    await node.ended()
    await settle()


async def grant(
    node: EntityOutlet, outlet: MemoryOutlet, credit: int, *, drain: bool = False
) -> None:
    outlet.credit, outlet.is_draining = credit, drain
    node.credited()
    await settle()


class NarrowOutlet(MemoryOutlet):
    """An outlet of which the session's window has room for one at a time."""

    def send(self, payload: bytes, *, tag: bytes, is_settled: bool) -> None:
        super().send(payload, tag=tag, is_settled=is_settled)
        self.credit = 0


async def locked_elsewhere(core: BrokerCore, path: str = "a") -> list[int]:
    """Return the delivery counts of what is still to be had, by having it."""
    deliveries = await core.lock(path, max_messages=100, max_wait=NO_TIME)
    return [delivery.delivery_count for delivery in deliveries]


async def test_no_more_is_locked_than_there_is_credit_for(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await put(core, "a", clock, *[encoded()] * 3)

    await grant(node, outlet, 0)
    before = len(outlet.sent)
    await grant(node, outlet, 2)

    assert (before, len(outlet.sent), outlet.credit) == (0, 2, 0)
    assert await locked_elsewhere(core) == [1]


async def test_message_leaves_when_it_arrives(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await grant(node, outlet, 2)

    await put(core, "a", clock, encoded(b"body"))
    await settle()

    [(payload, tag, is_settled)] = outlet.sent
    message = decode_message(payload)
    assert (message.data, message.header and message.header.delivery_count) == ((b"body",), 0)
    assert (len(tag), is_settled, outlet.credit) == (16, False, 1)


async def test_credit_that_is_taken_back_takes_no_message_with_it(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await grant(node, outlet, 5)

    await grant(node, outlet, 1)
    await put(core, "a", clock, *[encoded()] * 3)
    await settle()

    assert len(outlet.sent) == 1
    assert await locked_elsewhere(core) == [1, 1]


async def test_drain_sends_what_there_is_and_takes_the_rest_of_the_credit(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await put(core, "a", clock, *[encoded()] * 2)

    await grant(node, outlet, 5, drain=True)
    await put(core, "a", clock, encoded())
    await settle()

    assert (len(outlet.sent), outlet.drains, outlet.credit) == (2, 1, 0)
    assert await locked_elsewhere(core) == [1]


async def test_drain_ends_a_wait(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await grant(node, outlet, 3)

    await grant(node, outlet, 3, drain=True)
    await put(core, "a", clock, encoded())
    await settle()

    assert (outlet.sent, outlet.drains) == ([], 1)
    assert await locked_elsewhere(core) == [1]


async def test_link_that_ends_while_it_waits_takes_nothing(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await grant(node, outlet, 3)

    await node.ended()
    await grant(node, outlet, 3)
    await put(core, "a", clock, encoded())
    await settle()

    assert outlet.sent == []
    assert await locked_elsewhere(core) == [1]


async def test_lock_outlives_its_link(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await put(core, "a", clock, encoded())
    await grant(node, outlet, 1)

    await node.ended()
    before = await locked_elsewhere(core)
    await clock.advance(LOCK)

    assert (before, await locked_elsewhere(core)) == ([], [2])


async def test_what_the_window_had_no_room_for_is_given_back_at_the_end(
    core: BrokerCore, clock: FakeClock
) -> None:
    outlet = NarrowOutlet()
    node = EntityOutlet(core, "a", outlet, is_settling=True)
    await put(core, "a", clock, *[encoded()] * 3)
    await grant(node, outlet, 3)

    await grant(node, outlet, 2)
    await node.ended()

    assert len(outlet.sent) == 2
    assert await locked_elsewhere(core) == [1]


async def test_what_is_lost_keeps_nothing_else_from_being_given_back(
    core: BrokerCore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    outlet = NarrowOutlet()
    node = EntityOutlet(core, "a", outlet, is_settling=True)
    _, lost, _ = await put(core, "a", clock, *[encoded()] * 3)
    await grant(node, outlet, 3)
    await core.complete("a", lock_token(lost, 1))

    await node.ended()

    assert await locked_elsewhere(core) == [1]
    assert [vars(record)["action"] for record in caplog.records] == ["amqp_not_given_back"]


async def test_session_is_free_whatever_its_link_cannot_give_back(
    core: BrokerCore, clock: FakeClock
) -> None:
    outlet = NarrowOutlet()
    before = asyncio.all_tasks()
    sessions = HeldSessions()
    node = await session_node(core, outlet, sessions)
    _, lost = await put(core, "s", clock, *[encoded(group_id="one")] * 2)
    await grant(node, outlet, 2)
    await core.complete("s", lock_token(lost, 1))

    await node.ended()
    await settle()

    with pytest.raises(SessionLockLostError):
        sessions.lock("s", "one", link=None)
    assert (await core.accept_session("s", session_id=None, max_wait=NO_TIME)).session_id == "one"
    assert not [task for task in asyncio.all_tasks() - before if "Outlet" in repr(task)]


async def test_closed_core_ends_the_delivering(
    core: BrokerCore, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await grant(node, outlet, 1)

    await core.close()
    await settle()

    assert (outlet.sent, outlet.detached) == ([], [])


@pytest.mark.parametrize("outcome", [Accepted(), Released(), Modified(True), Modified(True, True)])
async def test_outcome_is_echoed_as_it_was(
    core: BrokerCore,
    clock: FakeClock,
    node: EntityOutlet,
    outlet: MemoryOutlet,
    outcome: Outcome,
) -> None:
    await put(core, "a", clock, encoded())
    await grant(node, outlet, 1)

    assert await node.settled(outlet.tags[0], outcome) == outcome
    with pytest.raises(MessageLockLostError):
        await node.settled(outlet.tags[0], outcome)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [(Accepted(), []), (Released(), [1]), (None, [1]), (Modified(), [2]), (Modified(True), [2])],
)
async def test_outcome_decides_whether_a_message_comes_again_and_whether_that_counts(
    core: BrokerCore,
    clock: FakeClock,
    node: EntityOutlet,
    outlet: MemoryOutlet,
    outcome: Outcome | None,
    counts: list[int],
) -> None:
    await put(core, "a", clock, encoded())
    await grant(node, outlet, 1)

    await node.settled(outlet.tags[0], outcome)

    assert await locked_elsewhere(core) == counts


async def test_undeliverable_here_defers_with_changed_properties(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    [number] = await put(core, "a", clock, encoded())
    await grant(node, outlet, 1)

    await node.settled(outlet.tags[0], Modified(None, True, {"tried": 1}))

    [deferred] = await core.receive_deferred("a", [number])
    assert decode_message(deferred.payload).application_properties == {"tried": 1}


async def test_properties_that_cannot_be_are_refused_and_change_nothing(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await put(core, "a", clock, encoded())
    await grant(node, outlet, 1)

    with pytest.raises(InvalidRequestError, match="properties.bad"):
        await node.settled(outlet.tags[0], Modified(True, None, {"bad": [1]}))

    assert await node.settled(outlet.tags[0], Accepted()) == Accepted()


async def test_rejected_dead_letters_and_is_echoed_without_an_error(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await put(core, "a", clock, encoded())
    await grant(node, outlet, 1)
    told = {"DeadLetterReason": "r", "DeadLetterErrorDescription": "d", "extra": True}

    echoed = await node.settled(
        outlet.tags[0], Rejected(Error("com.microsoft:dead-letter", "", told))
    )

    assert echoed == Rejected(None)
    [letter] = await core.lock(LETTERS, max_messages=9, max_wait=NO_TIME)
    assert (letter.dead_letter_reason, letter.dead_letter_error_description) == ("r", "d")
    assert decode_message(letter.payload).application_properties == {"extra": True}


async def test_rejected_without_an_error_dead_letters_without_a_reason(
    core: BrokerCore, clock: FakeClock, node: EntityOutlet, outlet: MemoryOutlet
) -> None:
    await put(core, "a", clock, encoded())
    await grant(node, outlet, 1)

    await node.settled(outlet.tags[0], Rejected())

    [letter] = await core.lock(LETTERS, max_messages=9, max_wait=NO_TIME)
    assert letter.dead_letter_reason is None


async def test_receive_and_delete_sends_settled_what_is_gone(
    core: BrokerCore, clock: FakeClock, outlet: MemoryOutlet
) -> None:
    node = EntityOutlet(core, "a", outlet, is_settling=False)
    await put(core, "a", clock, *[encoded()] * 2)

    await grant(node, outlet, 3)

    assert [is_settled for _, _, is_settled in outlet.sent] == [True, True]
    await clock.advance(LOCK)
    assert await core.peek("a", from_sequence_number=0, max_messages=9) == []
    await node.ended()


async def session_node(
    core: BrokerCore, outlet: MemoryOutlet, sessions: HeldSessions | None = None
) -> SessionOutlet:
    lock = await core.accept_session("s", session_id="one", max_wait=NO_TIME)
    sessions = sessions or HeldSessions()
    return SessionOutlet(core, outlet, lock, is_settling=True, name="l", sessions=sessions)


async def test_session_link_delivers_its_session_and_ends_when_the_lock_is_lost(
    core: BrokerCore, clock: FakeClock, outlet: MemoryOutlet
) -> None:
    node = await session_node(core, outlet)
    await put(core, "s", clock, encoded(b"1", group_id="one"), encoded(b"2", group_id="two"))

    await grant(node, outlet, 9)
    await clock.advance(LOCK)

    assert [decode_message(payload).data for payload, *_ in outlet.sent] == [(b"1",)]
    assert {error.condition for error in outlet.detached if error} == {
        "com.microsoft:session-lock-lost"
    }
    await node.ended()


async def test_session_is_free_when_its_link_has_ended(
    core: BrokerCore, clock: FakeClock, outlet: MemoryOutlet
) -> None:
    sessions = HeldSessions()
    node = await session_node(core, outlet, sessions)
    await put(core, "s", clock, encoded(group_id="one"))
    await grant(node, outlet, 1)

    await node.ended()

    with pytest.raises(SessionLockLostError):
        sessions.lock("s", "one", link=None)
    lock = await core.accept_session("s", session_id=None, max_wait=NO_TIME)
    [again] = await core.lock("s", max_messages=9, max_wait=NO_TIME, session=lock)
    assert again.delivery_count == 2
    assert outlet.detached == []


async def test_session_link_leaves_nothing_that_runs(
    core: BrokerCore, outlet: MemoryOutlet
) -> None:
    before = asyncio.all_tasks()
    node = await session_node(core, outlet)
    await grant(node, outlet, 1)

    await node.ended()
    await settle()

    assert not [task for task in asyncio.all_tasks() - before if "Outlet" in repr(task)]
