"""What a management node answers beyond what the SDK shows (see test_service)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.clock import NO_TIME
from shared.messaging.amqp.codec.sections import decode_message
from shared.messaging.amqp.codec.values import Array, UInt, ULong
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.entities import NamespaceDescription, QueueDescription
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.managing import Answered, ask, managed
from tests.shared.messaging.amqp.memory_links import encoded, opened_core, put

NAMESPACE = NamespaceDescription(name="n", queues=(QueueDescription(name="q"),))
GONE = Array(UUID, (UUID(int=1),))
LOST = "com.microsoft:message-lock-lost"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def core(tmp_path: Path, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    async with opened_core(tmp_path, clock, NAMESPACE) as core:
        yield core


@pytest.mark.parametrize(
    ("operation", "body", "status", "condition"),
    [
        ("fly", {}, 501, "amqp:not-implemented"),
        ("renew-lock", {"lock-tokens": GONE}, 410, LOST),
        ("renew-lock", {}, 400, "com.microsoft:argument-error"),
        ("renew-lock", "text", 400, "com.microsoft:argument-error"),
        ("peek-message", {"from-sequence-number": 0}, 400, "com.microsoft:argument-error"),
        (
            "peek-message",
            {"from-sequence-number": -1, "message-count": 1},
            400,
            "com.microsoft:argument-error",
        ),
        (
            "peek-message",
            {"from-sequence-number": 0, "message-count": -1},
            400,
            "com.microsoft:argument-error",
        ),
        (
            "peek-message",
            {"from-sequence-number": ULong(2**63), "message-count": 1},
            400,
            "com.microsoft:argument-error",
        ),
        ("schedule-message", {"messages": [{}]}, 400, "com.microsoft:argument-error"),
        ("schedule-message", {"messages": [{"message": b"?"}]}, 400, "amqp:decode-error"),
        (
            "cancel-scheduled-message",
            {"sequence-numbers": [9]},
            404,
            "com.microsoft:message-not-found",
        ),
        ("update-disposition", {"disposition-status": "completed", "lock-tokens": GONE}, 410, LOST),
        (
            "update-disposition",
            {"disposition-status": "x", "lock-tokens": GONE},
            400,
            "com.microsoft:argument-error",
        ),
        ("renew-session-lock", {"session-id": "s"}, 410, "com.microsoft:session-lock-lost"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_status_and_condition(
    core: BrokerCore, operation: str, body: Any, status: int, condition: str
) -> None:
    answered = await ask(managed(core, "q"), operation, body)

    assert (answered.status, answered.condition, answered.body) == (status, condition, None)


async def test_operation_on_a_topic_that_only_queues_have_finds_no_entity(core: BrokerCore) -> None:
    answered = await ask(managed(core, "t"), "renew-lock", {"lock-tokens": GONE})

    assert (answered.status, answered.condition) == (404, "amqp:not-found")


async def test_peek_ends_where_the_answer_would_become_too_large(
    core: BrokerCore, clock: FakeClock
) -> None:
    for _ in range(6):
        await put(core, "q", clock, encoded(b"x" * 200_000))
    body = {"from-sequence-number": 0, "message-count": 100}

    answered = await ask(managed(core, "q"), "peek-message", body)

    assert len(answered.body["messages"]) == 5


async def test_peek_of_nothing_has_no_content(core: BrokerCore) -> None:
    body = {"from-sequence-number": 0, "message-count": 1}

    assert await ask(managed(core, "q"), "peek-message", body) == Answered(204, None, None)


async def test_scheduled_message_without_an_id_is_given_one(core: BrokerCore) -> None:
    answered = await ask(
        managed(core, "q"), "schedule-message", {"messages": [{"message": encoded()}]}
    )

    assert answered == Answered(200, None, {"sequence-numbers": Array(int, (1,))})
    [kept] = await core.peek("q", from_sequence_number=0, max_messages=1)
    assert kept.message_id == "given"


@pytest.mark.parametrize(
    ("status", "left"),
    [("completed", []), ("abandoned", [2]), ("defered", []), ("suspended", [])],
)
async def test_disposition_is_carried_out_for_each_lock(
    core: BrokerCore, clock: FakeClock, status: str, left: list[int]
) -> None:
    await put(core, "q", clock, encoded())
    [locked] = await core.lock("q", max_messages=1, max_wait=NO_TIME)
    body = {
        "disposition-status": status,
        "lock-tokens": Array(UUID, (locked.lock_token,)),
        "properties-to-modify": {"tried": 1},
        "deadletter-reason": "r",
    }

    answered = await ask(managed(core, "q"), "update-disposition", body)

    assert answered == Answered(200, None, {})
    again = await core.lock("q", max_messages=9, max_wait=NO_TIME)
    assert [delivery.delivery_count for delivery in again] == left
    letters = await core.peek("q/$deadletterqueue", from_sequence_number=0, max_messages=9)
    assert [letter.dead_letter_reason for letter in letters] == ["r"] * (status == "suspended")
    kept = again + letters + await core.peek("q", from_sequence_number=0, max_messages=9)
    assert all(decode_message(one.payload).application_properties == {"tried": 1} for one in kept)


@pytest.mark.parametrize(("mode", "left"), [(0, []), (1, [1])])
async def test_deferred_message_is_received_by_number_locked_or_for_good(
    core: BrokerCore, clock: FakeClock, mode: int, left: list[int]
) -> None:
    [number] = await put(core, "q", clock, encoded(b"body"))
    [locked] = await core.lock("q", max_messages=1, max_wait=NO_TIME)
    await core.defer("q", locked.lock_token)
    body = {"sequence-numbers": Array(int, (number,)), "receiver-settle-mode": UInt(mode)}

    answered = await ask(managed(core, "q"), "receive-by-sequence-number", body)

    [message] = answered.body["messages"]
    assert decode_message(message["message"]).data == (b"body",)
    assert isinstance(message.get("lock-token"), UUID) == bool(left)
    kept = await core.peek("q", from_sequence_number=0, max_messages=9)
    assert [one.sequence_number for one in kept] == left
