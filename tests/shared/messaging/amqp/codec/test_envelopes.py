from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.envelopes import (
    deliver,
    envelope_of,
    message_of,
    sections_of,
    unbatch,
    with_properties,
)
from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Header,
    Properties,
    decode_message,
    encode_message,
)
from shared.messaging.amqp.codec.values import Int, Short, Symbol, Timestamp, ULong
from shared.messaging.embedded.encoding import encode
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.message import Message, MessageState
from tests.shared.messaging.amqp.amqp_values import anatomy
from tests.shared.messaging.amqp.codec.test_sections import MESSAGES
from tests.shared.messaging.amqp.kept_messages import (
    HUNDRED_DAYS,
    ID,
    LASTING,
    NOW,
    PORT_MESSAGES,
    SECOND,
    delivered,
    from_sdk,
    kept,
    received,
    sdk_bytes,
)


def test_an_envelope_says_what_the_broker_acts_on() -> None:
    due = datetime(2033, 5, 18, tzinfo=UTC)
    message = ServiceBusMessage(
        b"body",
        message_id="id",
        session_id="s",
        time_to_live=timedelta(seconds=30),
        scheduled_enqueue_time_utc=due,
    )

    envelope = from_sdk(message)

    assert (envelope.form, envelope.message_id, envelope.session_id) == (Form.AMQP, "id", "s")
    assert envelope.due == int(due.timestamp()) * SECOND
    assert envelope.time_to_live == 30 * SECOND
    assert envelope.size == len(sdk_bytes(message))
    assert envelope.attributes is None


def test_a_message_of_nothing_but_a_body_says_nothing() -> None:
    payload = encode_message(AmqpMessage(data=(b"body",)))

    envelope = envelope_of(payload, now=NOW)

    assert envelope == Envelope(form=Form.AMQP, payload=payload, size=len(payload))


def test_the_header_is_cut_off_and_the_rest_is_kept_byte_for_byte() -> None:
    rest = encode_message(AmqpMessage(message_annotations={Symbol("a"): 1}, data=(b"body",)))
    header = bytes.fromhex("005370 c0 05 03 40 40 52 64")

    envelope = envelope_of(header + rest, now=NOW)

    assert envelope.payload == rest
    assert envelope.time_to_live == 100_000


@pytest.mark.parametrize(
    ("message_id", "expected"),
    [(ID, str(ID)), (ULong(5), "5"), (b"a", "a"), (b"\xff", "ff"), ("text", "text")],
    ids=repr,
)
def test_a_message_id_of_any_type_is_kept_as_text(message_id: Any, expected: str) -> None:
    payload = encode_message(AmqpMessage(properties=Properties(message_id=message_id)))

    assert envelope_of(payload, now=NOW).message_id == expected


def test_a_message_due_in_the_past_is_not_scheduled() -> None:
    annotations = {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(NOW // 1000)}
    payload = encode_message(AmqpMessage(message_annotations=annotations))

    assert envelope_of(payload, now=NOW).due is None
    assert envelope_of(payload, now=NOW - 1).due == NOW


def test_a_time_to_live_longer_than_the_header_can_say_is_read_from_the_properties() -> None:
    envelope = envelope_of(encode_message(LASTING), now=NOW)

    assert envelope.time_to_live == HUNDRED_DAYS * 1000
    assert message_of(encode_message(LASTING)).time_to_live == timedelta(days=100)


@pytest.mark.parametrize("expiry", [2**63 - 1, 253_402_300_799_999, -(2**63)])
def test_what_would_expire_after_all_instants_or_before_it_was_made_never_does(expiry: int) -> None:
    properties = Properties(creation_time=Timestamp(0), absolute_expiry_time=Timestamp(expiry))
    payload = encode_message(AmqpMessage(properties=properties))

    assert envelope_of(payload, now=NOW).time_to_live is None
    assert message_of(payload).time_to_live is None


def test_what_is_due_after_all_instants_is_due_at_the_last_and_never_expires() -> None:
    annotations = {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(2**63 - 1)}
    payload = encode_message(AmqpMessage(header=Header(ttl=1), message_annotations=annotations))

    envelope = envelope_of(payload, now=NOW)

    assert envelope.due == int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * SECOND
    assert envelope.time_to_live is None
    assert message_of(payload).scheduled_enqueue_time is None


def test_a_time_to_live_of_less_than_a_second_is_none_as_the_sdk_truncates_it() -> None:
    envelope = from_sdk(ServiceBusMessage(b"", time_to_live=timedelta(milliseconds=400)))

    assert envelope.time_to_live is None


@pytest.mark.parametrize(
    "octets",
    ["ff", "005370a10161", "005372a10161", "00537245", "005373a10161", "005375a00561"],
)
def test_what_is_no_message_is_refused(octets: str) -> None:
    with pytest.raises(MalformedFrameError):
        envelope_of(bytes.fromhex(octets), now=NOW)


@given(MESSAGES)
def test_a_receiver_gets_what_the_sender_gave_type_by_type(message: AmqpMessage) -> None:
    envelope = envelope_of(encode_message(message), now=NOW)

    got = decode_message(deliver(delivered(envelope, due=None)))

    for name in set(message.__slots__) - {"header", "message_annotations"}:
        assert anatomy(getattr(got, name)) == anatomy(getattr(message, name)), name
    theirs = {k: v for k, v in message.message_annotations.items() if not k.startswith("x-opt-")}
    for key, value in theirs.items():
        assert anatomy(got.message_annotations[key]) == anatomy(value)


def test_the_sdk_reads_all_of_a_delivery() -> None:
    message = ServiceBusMessage(
        b"body",
        application_properties={"n": 5, "t": "text"},
        message_id="id",
        session_id="s",
        partition_key="s",
        correlation_id="c",
        content_type="application/json",
        subject="subject",
        reply_to="r",
        reply_to_session_id="rs",
        to="to",
        time_to_live=timedelta(seconds=30),
    )

    got = received(delivered(from_sdk(message), delivery_count=3))

    assert got.delivery_count == 2
    assert got.sequence_number == 2**40
    assert got.enqueued_time_utc == datetime.fromtimestamp(NOW // SECOND, UTC)
    assert got.locked_until_utc == datetime.fromtimestamp(NOW // SECOND + 60, UTC)
    assert got.expires_at_utc == datetime.fromtimestamp(NOW // SECOND + 30, UTC)
    assert got.time_to_live == timedelta(seconds=30)
    assert got.application_properties == {b"n": 5, b"t": b"text"}
    assert (got.message_id, got.session_id, got.partition_key) == ("id", "s", "s")
    assert (got.correlation_id, got.content_type) == ("c", "application/json")
    assert (got.subject, got.reply_to, got.reply_to_session_id) == ("subject", "r", "rs")
    assert (got.to, b"".join(got.body)) == ("to", b"body")


def test_delivery_count_is_of_earlier_deliveries() -> None:
    envelope = from_sdk(ServiceBusMessage(b""))

    first = delivered(envelope, delivery_count=1)
    again = delivered(envelope, delivery_count=2)
    peeked = kept(envelope, delivery_count=2)

    headers = [decode_message(deliver(stored)).header for stored in (first, again, peeked)]
    assert [header and header.delivery_count for header in headers] == [0, 1, 2]
    assert [header and header.first_acquirer for header in headers] == [True, False, False]


def test_what_is_peeked_is_not_locked_and_says_its_state() -> None:
    due = NOW + 60 * SECOND
    stored = kept(from_sdk(ServiceBusMessage(b"")), state=MessageState.SCHEDULED, due=due)

    got = received(stored)

    assert got.locked_until_utc is None
    assert got.state.name == "SCHEDULED"
    assert got.scheduled_enqueue_time_utc == datetime.fromtimestamp(due // SECOND, UTC)


def test_an_expiry_beyond_what_a_header_can_say_is_cut_to_its_largest() -> None:
    envelope = envelope_of(encode_message(LASTING), now=NOW)

    header = decode_message(deliver(delivered(envelope))).header

    assert header is not None
    assert header.ttl == 2**32 - 1


def test_annotations_of_the_sender_stay_except_those_that_are_ours() -> None:
    annotations = {
        Symbol("x-opt-partition-key"): "key",
        Symbol("x-opt-sequence-number"): 1,
        Symbol("x-opt-locked-until"): Timestamp(1),
        Symbol("x-opt-deadletter-source"): "elsewhere",
        Symbol("x-mine"): Short(7),
        ULong(9): None,
    }
    envelope = envelope_of(
        encode_message(AmqpMessage(message_annotations=annotations, data=(b"",))), now=NOW
    )

    got = decode_message(deliver(kept(envelope))).message_annotations

    assert got == {
        "x-opt-sequence-number": 2**40,
        "x-opt-enqueued-time": NOW // 1000,
        "x-opt-message-state": 0,
        "x-opt-partition-key": "key",
        "x-mine": 7,
        9: None,
    }
    assert {key: type(value) for key, value in got.items()} == {
        "x-opt-sequence-number": int,
        "x-opt-enqueued-time": Timestamp,
        "x-opt-message-state": Int,
        "x-opt-partition-key": str,
        "x-mine": Short,
        9: type(None),
    }


def test_a_dead_letter_says_why_and_where_it_comes_from() -> None:
    envelope = from_sdk(ServiceBusMessage(b"body", application_properties={"n": 5}))

    got = received(
        delivered(
            envelope,
            dead_letter_reason="reason",
            dead_letter_error_description="description",
            dead_letter_source="queue",
        )
    )

    assert got.dead_letter_reason == "reason"
    assert got.dead_letter_error_description == "description"
    assert got.dead_letter_source == "queue"
    assert got.application_properties[b"n"] == 5  # type: ignore[index]
    assert b"".join(got.body) == b"body"


def test_a_dead_letter_with_properties_that_are_none_is_delivered_as_it_is() -> None:
    payload = bytes.fromhex("005374 c1 02 02 ff 005375 a000")

    got = deliver(
        delivered(Envelope(form=Form.AMQP, payload=payload, size=0), dead_letter_reason="reason")
    )

    assert got.endswith(payload)


def test_properties_are_added_and_replaced_and_the_others_keep_their_types() -> None:
    before = {"a": Short(1), "b": ID, "c": Symbol("c")}
    payload = encode_message(
        AmqpMessage(
            properties=Properties(correlation_id=ID),
            application_properties=before,
            data=(b"body",),
            footer={Symbol("f"): 1},
        )
    )

    changed = decode_message(with_properties(payload, {Symbol("a"): "new", "d": None}))

    assert anatomy(changed.application_properties) == anatomy(
        {"a": "new", "b": ID, "c": Symbol("c"), "d": None}
    )
    assert changed.properties == Properties(correlation_id=ID)
    assert (changed.data, changed.footer) == ((b"body",), {"f": 1})


@pytest.mark.parametrize(
    "message",
    [
        AmqpMessage(properties=Properties(message_id="id"), data=(b"body",)),
        AmqpMessage(value=5),
        AmqpMessage(message_annotations={Symbol("a"): 1}, data=(b"",)),
    ],
    ids=["before data", "before a value", "after annotations"],
)
def test_the_first_properties_get_a_section_in_its_place(message: AmqpMessage) -> None:
    changed = decode_message(with_properties(encode_message(message), {"a": 1}))

    message.application_properties = {"a": 1}
    assert changed == message


def test_a_batch_is_taken_apart() -> None:
    messages = [sdk_bytes(ServiceBusMessage(f"{n}", message_id=f"{n}")) for n in range(3)]
    batch = encode_message(AmqpMessage(properties=Properties(message_id="0"), data=tuple(messages)))

    assert unbatch(batch) == messages


@pytest.mark.parametrize("octets", ["", "00537741", "005375a10161"])
def test_a_batch_without_messages_is_refused(octets: str) -> None:
    with pytest.raises(MalformedFrameError):
        unbatch(bytes.fromhex(octets))


@given(PORT_MESSAGES)
def test_a_message_of_the_port_comes_back_from_its_sections(message: Message) -> None:
    assert message_of(sections_of(message)) == message


@given(PORT_MESSAGES)
def test_a_message_of_the_port_is_delivered_over_amqp(message: Message) -> None:
    stored = delivered(encode(message))

    assert message_of(deliver(stored)) == message
    assert bytes(b"".join(received(stored).body)) == message.body


def test_text_that_amqp_cannot_carry_is_replaced() -> None:
    message = Message(body=b"", subject="\ud800", content_type="é", partition_key="\udfff")

    got = message_of(sections_of(message))

    assert (got.subject, got.content_type, got.partition_key) == ("?", "?", "?")


def test_the_port_reads_what_the_sdk_sent() -> None:
    due = datetime(2033, 5, 18, tzinfo=UTC)
    message = ServiceBusMessage(
        b"body",
        application_properties={"n": 5, "t": "text", "u": ID},
        message_id="id",
        time_to_live=timedelta(days=40),
        scheduled_enqueue_time_utc=due,
        content_type="text/plain",
    )

    assert message_of(sdk_bytes(message)) == Message(
        body=b"body",
        message_id="id",
        content_type="text/plain",
        time_to_live=timedelta(days=40),
        scheduled_enqueue_time=due,
        application_properties={"n": 5, "t": "text", "u": ID},
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"data_body": [b"one", b"two"]}, b"onetwo"),
        ({"value_body": "text"}, b"text"),
        ({"value_body": {"a": 1}}, b'{"a": 1}'),
        ({"sequence_body": [[1, "a"], [None]]}, b'[1, "a", null]'),
    ],
    ids=repr,
)
def test_a_body_of_any_kind_is_bytes_to_the_port(body: dict[str, Any], expected: bytes) -> None:
    assert message_of(sdk_bytes(AmqpAnnotatedMessage(**body))).body == expected


@given(MESSAGES, st.data())
def test_a_damaged_message_is_another_or_refused(message: AmqpMessage, data: st.DataObject) -> None:
    payload = bytearray(encode_message(message))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] = data.draw(st.integers(0, 255))

    with suppress(MalformedFrameError):
        unbatch(bytes(payload))
    with suppress(MalformedFrameError):
        message_of(bytes(payload))
    with suppress(MalformedFrameError):
        deliver(delivered(envelope_of(bytes(payload), now=NOW), dead_letter_reason="reason"))
