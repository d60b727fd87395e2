import json
from datetime import timedelta
from typing import Any

import pytest

from shared.host.dead_letters import (
    MOST_REASONS,
    NO_REASON,
    OTHER_REASONS,
    ChosenLetters,
    DeadLetters,
    letter_document,
    shown_body,
)
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.message import Message, PropertyValue, StoredMessage
from shared.messaging.wake_up import WakeUp
from tests.clocks import START, FakeClock
from tests.shared.host.burying import bury

SECRET = "hunter2"


def text(body: str) -> Message:
    return Message(body=body.encode(), message_id=body)


async def test_a_summary_counts_by_reason_and_names_the_oldest(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    await bury(broker, "work", text("a"), reason="Bad")
    await clock.advance(timedelta(minutes=5))
    await bury(broker, "work", text("b"), text("c"), reason="Worse")

    summary = await DeadLetters(broker).summary("work")

    assert summary == {
        "entity": "work",
        "count": 3,
        "isComplete": True,
        "oldestTime": START.isoformat().replace("+00:00", "Z"),
        "reasons": {"Worse": 2, "Bad": 1},
    }


async def test_a_summary_of_many_reasons_names_the_most_common(broker: EmbeddedBroker) -> None:
    for number in range(MOST_REASONS + 5):
        await bury(broker, "work", text(f"{number}"), reason=f"r{number}")

    reasons = (await DeadLetters(broker).summary("work"))["reasons"]

    assert isinstance(reasons, dict)
    assert len(reasons) == MOST_REASONS + 1
    assert reasons[OTHER_REASONS] == 5


async def test_more_than_a_page_is_counted_and_a_letter_without_reason_too(
    broker: EmbeddedBroker,
) -> None:
    await bury(broker, "work", *(text(f"{number}") for number in range(120)), reason="")

    summary = await DeadLetters(broker).summary("work")

    assert (summary["count"], summary["reasons"]) == (120, {NO_REASON: 120})


async def test_an_entity_without_dead_letters_has_an_empty_summary(broker: EmbeddedBroker) -> None:
    summary = await DeadLetters(broker).summary("turns")

    assert (summary["count"], summary["oldestTime"], summary["reasons"]) == (0, None, {})


async def test_p4_what_is_moved_back_keeps_its_id_and_its_session(broker: EmbeddedBroker) -> None:
    await broker.send("turns", [Message(body=b"a", session_id="s")])
    session = await broker.accept_session("turns", max_wait=timedelta(0))
    (message,) = await session.receive(max_messages=1, max_wait=timedelta(0))
    await session.dead_letter(message, reason="r", description="d")

    chosen = ChosenLetters(sequence_numbers=(message.sequence_number,))
    moved = await DeadLetters(broker).redrive("turns", chosen)

    (again,) = await session.receive(max_messages=1, max_wait=timedelta(0))
    assert moved == [message.sequence_number]
    assert again.message.message_id == f"turns/{message.sequence_number}"


async def test_letters_before_an_instant_are_removed_up_to_a_limit(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    numbers = await bury(broker, "work", text("a"), text("b"), text("c"))
    before = (clock.now() + timedelta(seconds=1)).isoformat()

    removed = await DeadLetters(broker).purge("work", ChosenLetters(before=before, limit=2))

    assert removed == numbers[:2]
    left = await DeadLetters(broker).page("work", first=0, limit=10)
    assert [each["sequenceNumber"] for each in left] == numbers[2:]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (WakeUp("op-1", 3).encode(), {"id": "op-1", "attempt": 3}),
        (b'{"id": "op-1", "attempt": 3, "x": "hunter2"}', {"id": "***", "attempt": 3, "x": "***"}),
        (
            b'{"command": "DeleteJob", "resource": "/cloudservices/a", "body": {"p": "hunter2"}}',
            {"command": "DeleteJob", "resource": "/cloudservices/a", "body": {"p": "***"}},
        ),
        (
            b'{"specversion": "1.0", "id": "e1", "type": "t", "data": {"a": "hunter2"}}',
            {"specversion": "1.0", "id": "e1", "type": "t", "data": {"a": "***"}},
        ),
        (
            b'[{"specversion": "1.0", "id": {"a": "hunter2"}, "hunter2 ": 1}]',
            [{"specversion": "1.0", "id": {"a": "***"}, "***2": 1}],
        ),
    ],
)
def test_p8_of_a_body_only_what_says_which_one_it_is_is_shown(body: bytes, shown: Any) -> None:
    assert shown_body(body) == shown


@pytest.mark.parametrize("body", [b"hunter2", b"\xff", b'"hunter2"', b"[" * 9999, b""])
def test_p8_a_body_that_is_no_document_is_not_shown(body: bytes) -> None:
    assert SECRET not in json.dumps(shown_body(body))


def test_p8_properties_are_masked_but_for_those_that_say_why() -> None:
    properties: dict[str, PropertyValue] = {
        "authorization": SECRET,
        "raw": SECRET.encode(),
        "count": 7,
        "rate": float("inf"),
        "SourceQueue": "commands",
    }
    letter = StoredMessage(
        message=Message(body=b"{}", application_properties=properties),
        sequence_number=1,
        enqueued_time=START,
        delivery_count=100,
    )

    assert letter_document(letter)["applicationProperties"] == {
        "authorization": "***",
        "raw": "***",
        "count": 7,
        "rate": "inf",
        "SourceQueue": "commands",
    }
