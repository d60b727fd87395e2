import inspect
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from azure.functions.servicebus import ServiceBusMessage
from hypothesis import given
from hypothesis import strategies as st

from shared.host.converters import converter
from shared.host.functions import MessageForm, MessageTrigger
from shared.host.messages import (
    METADATA_NAMES,
    Datum,
    TriggerMetadata,
    host_metadata,
    message_argument,
)
from shared.messaging.message import Message, ReceivedMessage

BINARY = MessageTrigger(entity="q", form=MessageForm.MESSAGE, is_binary=True, is_many=False)
TEXT = MessageTrigger(entity="q", form=MessageForm.MESSAGE, is_binary=False, is_many=False)
MANY = MessageTrigger(entity="q", form=MessageForm.MESSAGE, is_binary=True, is_many=True)

TEXTS = st.none() | st.text(min_size=1, max_size=20)
PROPERTIES = st.dictionaries(
    st.text(min_size=1, max_size=10),
    st.none()
    | st.text()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.binary(),
    max_size=3,
)
MESSAGES = st.builds(
    Message,
    body=st.binary(max_size=50),
    message_id=TEXTS,
    correlation_id=TEXTS,
    session_id=TEXTS,
    subject=TEXTS,
    content_type=TEXTS,
    reply_to=TEXTS,
    to=TEXTS,
    partition_key=TEXTS,
    time_to_live=st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=1000)),
    application_properties=PROPERTIES,
)
FIRST, LAST = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def received(message: Message, **fields: object) -> ReceivedMessage:
    known: dict[str, object] = {
        "sequence_number": 7,
        "enqueued_time": datetime(2026, 1, 1, 12, 0, 0, 500, tzinfo=UTC),
        "delivery_count": 1,
        "lock_token": UUID(int=1),
        "locked_until": datetime(2026, 1, 1, 12, 1, tzinfo=UTC),
    }
    return ReceivedMessage(message=message, **(known | fields))  # type: ignore[arg-type]


RECEIVED = st.builds(
    ReceivedMessage,
    message=MESSAGES,
    sequence_number=st.integers(1, 2**62),
    enqueued_time=INSTANTS,
    delivery_count=st.integers(1, 100),
    lock_token=st.uuids(),
    locked_until=INSTANTS,
    dead_letter_reason=TEXTS,
    dead_letter_error_description=TEXTS,
)


def shown(message: ServiceBusMessage) -> dict[str, object]:
    names = [
        name
        for name, _ in inspect.getmembers(type(message), lambda value: isinstance(value, property))
        if name != "force_persistence"  # raises by design
    ]
    return {name: getattr(message, name) for name in names} | {"body": message.get_body()}


@given(RECEIVED)
def test_a_binary_message_equals_what_the_library_decodes(message: ReceivedMessage) -> None:
    decoded = converter("serviceBusTrigger").decode(
        Datum(message.message.body, "bytes"), trigger_metadata=TriggerMetadata(message)
    )

    assert shown(message_argument(BINARY, [message])) == shown(decoded)


@given(RECEIVED)
def test_every_metadata_name_is_known(message: ReceivedMessage) -> None:
    assert host_metadata(message).keys() <= set(METADATA_NAMES.values())


def test_a_message_shows_what_was_sent() -> None:
    sent = Message(
        body=b"\xff\x00",
        message_id="m1",
        correlation_id="c1",
        subject="s",
        content_type="application/json",
        reply_to="answers",
        application_properties={"tries": 3, "raw": b"\x01"},
        time_to_live=timedelta(hours=1),
    )

    message = message_argument(BINARY, [received(sent, delivery_count=2)])

    assert message.get_body() == b"\xff\x00"
    assert (message.message_id, message.correlation_id, message.subject) == ("m1", "c1", "s")
    assert (message.delivery_count, message.sequence_number, message.reply_to) == (2, 7, "answers")
    assert message.application_properties == {"tries": 3, "raw": "AQ=="}
    assert message.expires_at_utc - message.enqueued_time_utc == timedelta(hours=1)
    assert message.metadata["MessageId"] == "m1"


def test_a_dead_letter_shows_its_reason_as_properties() -> None:
    dead = received(
        Message(body=b""), dead_letter_reason="Bad", dead_letter_error_description="no command"
    )

    message = message_argument(BINARY, [dead])

    assert message.application_properties == {
        "DeadLetterReason": "Bad",
        "DeadLetterErrorDescription": "no command",
    }


def test_text_loses_what_is_not_utf_8() -> None:
    message = message_argument(TEXT, [received(Message(body=b"a\xff"))])

    assert message.get_body() == "a\ufffd".encode()


def test_a_json_body_overrides_the_metadata_of_a_text_message_only() -> None:
    body = json.dumps({"messageId": "forged", "correlationID": "forged", "list": [1]}).encode()
    message = received(Message(body=body, message_id="m1"))

    as_text, as_binary = message_argument(TEXT, [message]), message_argument(BINARY, [message])

    assert (as_text.message_id, as_text.correlation_id) == ("forged", "forged")
    assert (as_binary.message_id, as_binary.correlation_id) == ("m1", None)


def test_a_json_body_can_break_a_text_message() -> None:
    message = received(Message(body=b'{"DeliveryCount": "many"}'))

    with pytest.raises(ValueError, match="DeliveryCount"):
        message_argument(TEXT, [message])


@pytest.mark.parametrize("body", [b"[1]", b"not json", b"7", b"{"])
def test_other_bodies_override_nothing(body: bytes) -> None:
    message = message_argument(TEXT, [received(Message(body=body, message_id="m1"))])

    assert (message.message_id, message.get_body()) == ("m1", body)


def test_a_batch_keeps_bodies_and_shifts_missing_texts_as_azure_does() -> None:
    batch = [
        received(Message(body=b"\xff1", message_id="a"), sequence_number=1),
        received(Message(body=b"2", message_id="b", correlation_id="of b"), sequence_number=2),
    ]

    messages = message_argument(MANY, batch)

    assert [message.get_body() for message in messages] == [b"\xff1", b"2"]
    assert [message.message_id for message in messages] == ["a", "b"]
    assert [message.sequence_number for message in messages] == [1, 2]
    assert [message.correlation_id for message in messages] == ["of b", None]


@pytest.mark.parametrize(
    ("is_binary", "is_many", "expected"),
    [
        (True, False, b"\xff"),
        (False, False, "\ufffd"),
        (True, True, [b"\xff"]),
        (False, True, ["\ufffd"]),
    ],
)
def test_a_body_alone_is_text_unless_binary(
    is_binary: bool, is_many: bool, expected: object
) -> None:
    trigger = MessageTrigger(
        entity="q", form=MessageForm.BODY, is_binary=is_binary, is_many=is_many
    )

    assert message_argument(trigger, [received(Message(body=b"\xff"))]) == expected
