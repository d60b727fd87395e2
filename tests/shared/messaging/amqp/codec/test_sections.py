from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import Header as SdkHeader
from azure.servicebus._pyamqp.message import Message as SdkMessage
from azure.servicebus._pyamqp.message import Properties as SdkProperties
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Code,
    Header,
    Properties,
    Section,
    decode_message,
    encode_message,
    find_sections,
)
from shared.messaging.amqp.codec.values import Described, Int, Symbol, Timestamp, ULong
from tests.shared.messaging.amqp.amqp_values import ASCII, BY_KIND, TEXT, VALUES, anatomy

MESSAGE_ID = st.one_of(*(BY_KIND[kind] for kind in (ULong, UUID, bytes, str)))
UINT = st.integers(0, 2**32 - 1)
ANNOTATIONS = st.dictionaries(ASCII.map(Symbol), VALUES, max_size=3)
PROPERTIES = st.builds(
    Properties,
    message_id=st.none() | MESSAGE_ID,
    user_id=st.none() | st.binary(),
    to=st.none() | TEXT,
    subject=st.none() | TEXT,
    reply_to=st.none() | TEXT,
    correlation_id=st.none() | MESSAGE_ID,
    content_type=st.none() | ASCII.map(Symbol),
    content_encoding=st.none() | ASCII.map(Symbol),
    absolute_expiry_time=st.none() | BY_KIND[Timestamp],
    creation_time=st.none() | BY_KIND[Timestamp],
    group_id=st.none() | TEXT,
    group_sequence=st.none() | UINT,
    reply_to_group_id=st.none() | TEXT,
)
HEADERS = st.builds(
    Header,
    durable=st.none() | st.booleans(),
    priority=st.none() | st.integers(0, 255),
    ttl=st.none() | UINT,
    first_acquirer=st.none() | st.booleans(),
    delivery_count=st.none() | UINT,
)
BODIES: st.SearchStrategy[dict[str, Any]] = (
    st.fixed_dictionaries({"data": st.lists(st.binary(), min_size=1, max_size=3).map(tuple)})
    | st.fixed_dictionaries({"value": VALUES})
    | st.fixed_dictionaries(
        {"sequences": st.lists(st.lists(VALUES, max_size=3), min_size=1, max_size=2).map(tuple)}
    )
)
SIMPLE = st.one_of(*BY_KIND.values())
MESSAGES = st.builds(
    lambda body, **sections: AmqpMessage(**body, **sections),
    BODIES,
    header=st.none() | HEADERS,
    delivery_annotations=ANNOTATIONS,
    message_annotations=ANNOTATIONS,
    properties=PROPERTIES,
    application_properties=st.dictionaries(TEXT, SIMPLE, max_size=3),
    footer=ANNOTATIONS,
)

WHOLE = bytes.fromhex(
    "00 53 70 c0 04 02 41 50 09"  # header: durable, priority 9
    "00 53 71 c1 05 02 a3 01 61 41"  # delivery annotations: a
    "00 53 72 c1 05 02 a3 01 62 42"  # message annotations: b
    "00 53 73 c0 05 01 a1 02 69 64"  # properties: message id "id"
    "00 53 74 c1 06 02 a1 01 6b 54 05"  # application properties: k
    "00 53 75 a0 01 61"
    "00 53 75 a0 01 62"
)


def test_every_section_is_found_and_read() -> None:
    codes = [section.code for section in find_sections(WHOLE)]
    message = decode_message(WHOLE)

    assert codes == [0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x75]
    assert message == AmqpMessage(
        header=Header(durable=True, priority=9),
        delivery_annotations={"a": True},
        message_annotations={"b": False},
        properties=Properties(message_id="id"),
        application_properties={"k": 5},
        data=(b"a", b"b"),
    )
    assert type(message.application_properties["k"]) is Int


def test_a_section_says_where_it_lies() -> None:
    payload = bytes.fromhex("005370 45 00 80 0000000000000075 a00161")

    assert list(find_sections(payload)) == [
        Section(Code.HEADER, 0, 3, 4),
        Section(Code.DATA, 4, 14, 17),
    ]


@pytest.mark.parametrize("before", range(5))
def test_delivery_annotations_may_stand_anywhere(before: int) -> None:
    parts = [bytes.fromhex(octets) for octets in ("00537045", "00537345", "005375a000", "00537840")]
    annotations = bytes.fromhex("005371c10502a3016141")

    message = decode_message(b"".join([*parts[:before], annotations, *parts[before:]]))

    assert (message.delivery_annotations, message.data) == ({"a": True}, (b"",))


def test_a_section_may_be_called_by_its_name() -> None:
    name = b"amqp:amqp-value:*"
    payload = b"\x00\xa3" + bytes((len(name),)) + name + b"\x41"

    assert decode_message(payload).value is True


def test_what_is_in_a_section_is_not_looked_at_to_find_it() -> None:
    payload = bytes.fromhex("005374 c1 03 02 ff ff 005375 a00161")

    assert [section.code for section in find_sections(payload)] == [0x74, 0x75]
    with pytest.raises(MalformedFrameError):
        decode_message(payload)


def test_sections_of_null_are_empty_maps() -> None:
    assert decode_message(bytes.fromhex("00537240 00537440")) == AmqpMessage()


MALFORMED = {
    "no section": "40",
    "no descriptor": "00",
    "no value": "005375",
    "a section that is none": "00537945",
    "a performative": "00531045",
    "a name that is none": "00a3017845",
    "a descriptor that is text": "00a1017845",
    "data that end after the payload": "005375a00561",
    "sections out of order": "005375a000 00537045",
    "two headers": "00537045 00537045",
    "two delivery annotations": "005371c10100 005375a000 005371c10100",
    "two values": "00537741 00537741",
    "data and a value": "005375a000 00537741",
    "a value and data": "00537741 005375a000",
    "data and a sequence": "005375a000 00537645",
    "described data": "005375 0053 01a000 40",
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_series_of_sections_is_refused(octets: str) -> None:
    with pytest.raises(MalformedFrameError):
        list(find_sections(bytes.fromhex(octets)))


MISFITS = {
    "data that are text": "005375a10161",
    "a sequence that is a map": "005376c10100",
    "a header of text": "005370a10161",
    "a header with six fields": "005370c0070640404040 4040",
    "a priority that is a uint": "005370c003024043",
    "a message id that is a boolean": "005373c0020141",
    "annotations that are a list": "00537245",
    "application properties that are text": "005374a10161",
}


@pytest.mark.parametrize("octets", MISFITS.values(), ids=MISFITS)
def test_a_section_of_another_type_is_refused(octets: str) -> None:
    payload = bytes.fromhex(octets)
    assert len(list(find_sections(payload))) == 1

    with pytest.raises(MalformedFrameError):
        decode_message(payload)


@given(MESSAGES)
def test_a_message_comes_back_with_every_type(message: AmqpMessage) -> None:
    decoded = decode_message(encode_message(message))

    for name in message.__slots__:
        assert anatomy(getattr(decoded, name)) == anatomy(getattr(message, name)), name


SDK_HEADERS = HEADERS.filter(lambda header: header != Header())
SDK_PROPERTIES = PROPERTIES.filter(lambda properties: properties != Properties())


@given(SDK_HEADERS, SDK_PROPERTIES, st.lists(st.binary(), min_size=1, max_size=3))
def test_what_the_sdk_writes_is_read(
    header: Header, properties: Properties, data: list[bytes]
) -> None:
    output = bytearray()
    encode_payload(
        output,
        SdkMessage(
            header=SdkHeader(*(getattr(header, name) for name in Header.__slots__)),
            properties=SdkProperties(*(getattr(properties, name) for name in Properties.__slots__)),
            data=data,
        ),
    )

    decoded = decode_message(bytes(output))

    assert decoded == AmqpMessage(header=header, properties=properties, data=tuple(data))


@given(SDK_HEADERS, SDK_PROPERTIES, st.lists(st.binary(), min_size=1, max_size=3))
def test_the_sdk_reads_what_is_written(
    header: Header, properties: Properties, data: list[bytes]
) -> None:
    message = AmqpMessage(header=header, properties=properties, data=tuple(data))

    decoded = decode_payload(memoryview(encode_message(message)))

    assert decoded.header is not None
    assert decoded.properties is not None
    assert list(decoded.header) == [getattr(header, name) for name in Header.__slots__]
    assert list(decoded.properties) == [
        value.encode() if isinstance(value, str) else value
        for value in (getattr(properties, name) for name in Properties.__slots__)
    ]
    assert decoded.data == data


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda octets: b"\x00\x53" + octets))
def test_bytes_of_anybody_are_a_message_or_refused(payload: bytes) -> None:
    with suppress(MalformedFrameError):
        decode_message(payload)


@given(MESSAGES, st.data())
def test_a_damaged_message_is_another_or_refused(message: AmqpMessage, data: st.DataObject) -> None:
    payload = bytearray(encode_message(message))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] = data.draw(st.integers(0, 255))

    for damaged in (bytes(payload), bytes(payload[:position])):
        with suppress(MalformedFrameError):
            decode_message(damaged)


def test_a_value_that_is_described_is_a_body_like_any() -> None:
    message = AmqpMessage(value=Described(Symbol("com.microsoft:uri"), "http://example.com"))

    assert decode_message(encode_message(message)) == message
