from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport
from azure.servicebus.amqp import AmqpAnnotatedMessage
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import EPOCH
from shared.errors import PermanentError
from shared.messaging.message import NO_PROPERTIES, Message
from shared.messaging.servicebus.encoding import MAX_REPORT, incoming, outgoing, report

SECOND = timedelta(seconds=1)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids = st.none() | texts.filter(bool)
seconds = st.integers(1, 4_000_000).map(lambda number: number * SECOND)
# Of instants after the year 2100 the SDK, which counts in floating point, loses a microsecond.
instants = st.integers(1, 4_102_444_800_000).map(
    lambda number: EPOCH + number * timedelta(milliseconds=1)
)
values = (
    st.none()
    | texts
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.uuids()
)
messages = st.builds(
    Message,
    body=st.binary(max_size=100),
    message_id=ids,
    correlation_id=ids,
    session_id=ids,
    subject=ids,
    content_type=st.none() | st.just("application/json"),
    reply_to=ids,
    reply_to_session_id=ids,
    to=ids,
    time_to_live=st.none() | seconds,
    scheduled_enqueue_time=st.none() | instants,
    application_properties=st.dictionaries(texts, values, max_size=4),
)


def over_the_wire(message: AmqpAnnotatedMessage) -> ServiceBusReceivedMessage:
    """Return what a receiver gets when the SDK's own codec has been at both ends."""
    output = bytearray()
    encode_payload(output, PyamqpTransport.to_outgoing_amqp_message(message))
    return ServiceBusReceivedMessage.from_bytes(bytes(output))


def returned(message: Message) -> Message:
    sent = outgoing(message).raw_amqp_message
    return incoming(over_the_wire(sent), is_dead_letter=False)


@given(messages)
def test_message_survives_the_wire(message: Message) -> None:
    assert returned(message) == replace(
        message, application_properties=dict(message.application_properties) or NO_PROPERTIES
    )


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (timedelta(milliseconds=400), SECOND),
        (SECOND, SECOND),
        (timedelta(seconds=1, microseconds=1), 2 * SECOND),
    ],
)
def test_part_of_a_second_to_live_is_a_whole_one(sent: timedelta, received: timedelta) -> None:
    assert returned(Message(body=b"", time_to_live=sent)).time_to_live == received


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"\xff\x00", b"\xff\x00"),
        (b"text", "text"),  # the SDK hands out texts as bytes too
        (datetime(2026, 1, 1, tzinfo=UTC), 1_767_225_600_000),
        (2**40, 2**40),
    ],
)
def test_what_the_sdk_does_to_properties(sent: Any, received: Any) -> None:
    message = Message(body=b"", application_properties={"name": sent})

    assert returned(message).application_properties == {"name": received}


@pytest.mark.parametrize(
    "message",
    [
        Message(body=b"", message_id="\ud800"),
        Message(body=b"", message_id="m" * 129),
        Message(body=b"", session_id="s", partition_key="p"),
        Message(body=b"", application_properties={"\ud800": 1}),
        Message(body=b"", application_properties={"a": "\ud800"}),
        Message(body=b"", application_properties={"a": 2**63}),
    ],
)
def test_p10_what_cannot_be_sent_is_refused(message: Message) -> None:
    with pytest.raises(PermanentError):
        outgoing(message)


def test_reasons_of_dead_letters_are_properties_only_elsewhere() -> None:
    properties = {"DeadLetterReason": "r", "DeadLetterErrorDescription": "d", "kept": "k"}
    sent = outgoing(Message(body=b"", application_properties=properties))
    received = over_the_wire(sent.raw_amqp_message)

    assert incoming(received, is_dead_letter=False).application_properties == properties
    assert incoming(received, is_dead_letter=True).application_properties == {"kept": "k"}


@pytest.mark.parametrize(("value", "body"), [(b"\x00", b"\x00"), ("ü", "ü".encode()), (7, b"7")])
def test_body_that_is_a_value_is_read_as_text(value: Any, body: bytes) -> None:
    received = over_the_wire(AmqpAnnotatedMessage(value_body=value))

    assert incoming(received, is_dead_letter=False).body == body


def test_report_is_cut_and_is_text() -> None:
    assert report("\ud800" + "x" * 5000) == "?" + "x" * (MAX_REPORT - 1)
