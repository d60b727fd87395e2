"""What a management node does with sessions is for the link that holds them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.clock import NO_TIME
from shared.messaging.amqp.codec.values import Array, Timestamp
from shared.messaging.amqp.nodes.managed_entity import HeldSessions, ManagedEntity
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.entities import NamespaceDescription, QueueDescription
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.managing import Answered, ask, managed
from tests.shared.messaging.amqp.memory_links import encoded, opened_core, put

LOCK = timedelta(seconds=30)
NAMESPACE = NamespaceDescription(
    name="n", queues=(QueueDescription(name="q", lock_duration=LOCK, requires_session=True),)
)
LOST = "com.microsoft:session-lock-lost"
MINE = {"session-id": "mine"}
HOLDER = {"associated-link-name": "holder"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def core(tmp_path: Path, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    async with opened_core(tmp_path, clock, NAMESPACE) as core:
        yield core


@pytest.fixture
async def entity(core: BrokerCore) -> ManagedEntity:
    """A queue of whose sessions the link `holder` holds one."""
    sessions = HeldSessions()
    lock = await core.accept_session("q", session_id="mine", max_wait=NO_TIME)
    sessions.add("holder", lock)
    return managed(core, "q", sessions)


async def test_lock_is_renewed_from_now(entity: ManagedEntity, clock: FakeClock) -> None:
    await clock.advance(LOCK / 2)

    answered = await ask(entity, "renew-session-lock", MINE, **HOLDER)

    assert answered.body == {"expiration": Timestamp.of(clock.now() + LOCK)}


async def test_state_is_kept_and_removed(entity: ManagedEntity) -> None:
    states: list[Any] = []
    for state in (b"one", b"", None):
        answered = await ask(entity, "set-session-state", {**MINE, "session-state": state})
        assert answered == Answered(200, None, {})
        states.append((await ask(entity, "get-session-state", MINE)).body["session-state"])

    assert states == [b"one", b"", None]


@pytest.mark.parametrize(
    "operation", ["renew-session-lock", "get-session-state", "set-session-state"]
)
@pytest.mark.parametrize(
    ("body", "properties"),
    [(MINE, {"associated-link-name": "other"}), ({"session-id": "other"}, HOLDER)],
)
async def test_session_that_is_not_held_by_that_link_is_lost(
    entity: ManagedEntity, operation: str, body: Any, properties: Any
) -> None:
    answered = await ask(entity, operation, body, **properties)

    assert (answered.status, answered.condition) == (410, LOST)


async def test_session_is_lost_with_its_lock(entity: ManagedEntity, clock: FakeClock) -> None:
    await clock.advance(LOCK)

    expired = await ask(entity, "get-session-state", MINE)

    assert expired.condition == LOST


async def test_session_must_be_named(entity: ManagedEntity) -> None:
    answered = await ask(entity, "get-session-state", {})

    assert (answered.status, answered.condition) == (400, "com.microsoft:argument-error")


async def test_settling_in_a_session_that_is_lost_says_so(entity: ManagedEntity) -> None:
    body = {"session-id": "other", "disposition-status": "completed", "lock-tokens": []}

    assert (await ask(entity, "update-disposition", body)).condition == LOST


async def test_sessions_are_listed_in_pages(
    core: BrokerCore, entity: ManagedEntity, clock: FakeClock
) -> None:
    await put(core, "q", clock, *(encoded(group_id=name) for name in ("a", "b", "c")))

    pages = [
        await ask(entity, "get-message-sessions", {"skip": skip, "top": 2}) for skip in (0, 2, 4)
    ]

    assert [page.status for page in pages] == [200, 200, 204]
    assert [page.body["sessions-ids"] for page in pages[:2]] == [
        Array(str, ("a", "b")),
        Array(str, ("c",)),
    ]


async def test_messages_of_a_session_are_peeked_and_received_by_number_in_it(
    core: BrokerCore, entity: ManagedEntity, clock: FakeClock
) -> None:
    [number, _] = await put(core, "q", clock, encoded(group_id="mine"), encoded(group_id="b"))
    lock = entity.sessions.lock("q", "mine", link=None)
    [locked] = await core.lock("q", max_messages=1, max_wait=NO_TIME, session=lock)
    await core.defer("q", locked.lock_token)

    peeked = await ask(
        entity, "peek-message", {**MINE, "from-sequence-number": 0, "message-count": 9}
    )
    received = await ask(
        entity,
        "receive-by-sequence-number",
        {**MINE, "sequence-numbers": [number], "receiver-settle-mode": 1},
        **HOLDER,
    )

    assert len(peeked.body["messages"]) == len(received.body["messages"]) == 1


async def test_session_is_held_no_more_when_its_link_has_ended(entity: ManagedEntity) -> None:
    lock = entity.sessions.lock("q", "mine", link="holder")

    entity.sessions.remove(lock)

    assert (await ask(entity, "get-session-state", MINE)).condition == LOST
