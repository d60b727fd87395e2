"""The sections of a message (AMQP 1.0 part 3, 3.2), found without reading what is in them, or read whole.

A section is a described value. Their order is that of their codes, and only data and sequences come more than once.
Delivery annotations may stand anywhere: Python's SDK writes them last.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.composites import (
    BINARY,
    BOOLEAN,
    MESSAGE_ID,
    STRING,
    SYMBOL,
    TIMESTAMP,
    UBYTE,
    UINT,
    Composite,
    Composites,
)
from shared.messaging.amqp.codec.decoding import decode, skip
from shared.messaging.amqp.codec.encoding import encode
from shared.messaging.amqp.codec.values import Symbol, Timestamp, ULong

MessageId = ULong | UUID | bytes | str


class Code(IntEnum):
    HEADER = 0x70
    DELIVERY_ANNOTATIONS = 0x71
    MESSAGE_ANNOTATIONS = 0x72
    PROPERTIES = 0x73
    APPLICATION_PROPERTIES = 0x74
    DATA = 0x75
    SEQUENCE = 0x76
    VALUE = 0x77
    FOOTER = 0x78


_NAMES = {
    "amqp:header:list": Code.HEADER,
    "amqp:delivery-annotations:map": Code.DELIVERY_ANNOTATIONS,
    "amqp:message-annotations:map": Code.MESSAGE_ANNOTATIONS,
    "amqp:properties:list": Code.PROPERTIES,
    "amqp:application-properties:map": Code.APPLICATION_PROPERTIES,
    "amqp:data:binary": Code.DATA,
    "amqp:amqp-sequence:list": Code.SEQUENCE,
    "amqp:amqp-value:*": Code.VALUE,
    "amqp:footer:map": Code.FOOTER,
}
_FOLLOWERS: dict[int, frozenset[int]] = {
    0: frozenset(Code) - {Code.DELIVERY_ANNOTATIONS},
    **{
        code: frozenset(range(code + 1, Code.FOOTER + 1)) - {Code.DELIVERY_ANNOTATIONS}
        for code in Code
        if code < Code.DATA
    },
    Code.DATA: frozenset({Code.DATA, Code.FOOTER}),
    Code.SEQUENCE: frozenset({Code.SEQUENCE, Code.FOOTER}),
    Code.VALUE: frozenset({Code.FOOTER}),
    Code.FOOTER: frozenset(),
}
"""What may come after what, beside delivery annotations; the body is of one kind."""


@dataclass(slots=True)
class Header:
    """Not frozen, nor are properties, for the reason that performatives are not."""

    durable: bool | None = None
    priority: int | None = None
    ttl: int | None = None
    first_acquirer: bool | None = None
    delivery_count: int | None = None


@dataclass(slots=True)
class Properties:
    message_id: MessageId | None = None
    user_id: bytes | None = None
    to: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    correlation_id: MessageId | None = None
    content_type: Symbol | None = None
    content_encoding: Symbol | None = None
    absolute_expiry_time: Timestamp | None = None
    creation_time: Timestamp | None = None
    group_id: str | None = None
    group_sequence: int | None = None
    reply_to_group_id: str | None = None


@dataclass(slots=True)
class AmqpMessage:
    """All sections, decoded; the body is `data`, or `sequences`, or else `value`."""

    header: Header | None = None
    delivery_annotations: Mapping[Any, Any] = field(default_factory=dict)
    message_annotations: Mapping[Any, Any] = field(default_factory=dict)
    properties: Properties = field(default_factory=Properties)
    application_properties: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[bytes, ...] = ()
    sequences: tuple[list[Any], ...] = ()
    value: Any = None
    footer: Mapping[Any, Any] = field(default_factory=dict)


class Section(NamedTuple):
    """Where a section lies: its descriptor begins at `start`, its value at `value`."""

    code: int
    start: int
    value: int
    end: int


_COMPOSITES = Composites(
    [
        Composite(Header, Code.HEADER, "amqp:header:list", (BOOLEAN, UBYTE, UINT, BOOLEAN, UINT)),
        Composite(
            Properties,
            Code.PROPERTIES,
            "amqp:properties:list",
            (
                *(MESSAGE_ID, BINARY, STRING, STRING, STRING, MESSAGE_ID, SYMBOL, SYMBOL),
                *(TIMESTAMP, TIMESTAMP, STRING, UINT, STRING),
            ),
        ),
    ]
)


def find_sections(payload: bytes) -> Iterator[Section]:
    """Raises MalformedFrameError, once it has come that far, when the payload is no series of sections in order."""
    start, size, last = 0, len(payload), 0
    is_annotated = False
    while start < size:
        if payload.startswith(b"\x00\x53", start) and size > start + 3:
            code, value = payload[start + 2], start + 3
        else:
            code, value = _described(payload, start)
        if code == Code.DELIVERY_ANNOTATIONS and not is_annotated:
            is_annotated, following = True, last
        elif code in _FOLLOWERS[last]:
            following = code
        else:
            raise MalformedFrameError(f"section {code:#x} at byte {start}, after section {last:#x}")
        end = skip(payload, value)
        yield Section(code, start, value, end)
        start, last = end, following


def _described(payload: bytes, start: int) -> tuple[int, int]:
    if payload[start] != 0:
        raise MalformedFrameError(f"byte {start} is where a section must begin and none does")
    descriptor, value = decode(payload, start + 1)
    if isinstance(descriptor, Symbol) and descriptor in _NAMES:
        return _NAMES[descriptor], value
    if not isinstance(descriptor, ULong):
        raise MalformedFrameError(f"the section at byte {start} is {descriptor!r}")
    return descriptor, value


def read_header(payload: bytes, section: Section) -> Header:
    header: Header = _read_composite(payload, section, Header)
    return header


def read_properties(payload: bytes, section: Section) -> Properties:
    properties: Properties = _read_composite(payload, section, Properties)
    return properties


def _read_composite(payload: bytes, section: Section, kind: type) -> Any:
    value, end = _COMPOSITES.decode(payload, section.start)
    if type(value) is not kind or end != section.end:
        raise MalformedFrameError(f"the section at byte {section.start} is no {kind.__name__}")
    return value


def read_map(payload: bytes, section: Section) -> dict[Any, Any]:
    """Return what annotations, application properties or a footer hold; null is an empty map."""
    value, end = decode(payload, section.value)
    if value is None:
        value = {}
    if not isinstance(value, dict) or end != section.end:
        raise MalformedFrameError(f"the section at byte {section.start} is no map")
    return value


def read_body(payload: bytes, section: Section) -> Any:
    """Return the value of a data, sequence or value section."""
    value, end = decode(payload, section.value)
    kind = {Code.DATA: bytes, Code.SEQUENCE: list}.get(Code(section.code), object)
    if not isinstance(value, kind) or end != section.end:
        raise MalformedFrameError(
            f"the section at byte {section.start} is a {type(value).__name__}"
        )
    return value


def decode_message(payload: bytes) -> AmqpMessage:
    """Raises MalformedFrameError."""
    message = AmqpMessage()
    for section in find_sections(payload):
        match section.code:
            case Code.HEADER:
                message.header = read_header(payload, section)
            case Code.PROPERTIES:
                message.properties = read_properties(payload, section)
            case Code.DATA | Code.SEQUENCE | Code.VALUE:
                _add_body(message, section.code, read_body(payload, section))
            case _:
                setattr(message, Code(section.code).name.lower(), read_map(payload, section))
    return message


def _add_body(message: AmqpMessage, code: int, value: Any) -> None:
    if code == Code.DATA:
        message.data += (value,)
    elif code == Code.SEQUENCE:
        message.sequences += (value,)
    else:
        message.value = value


def encode_message(message: AmqpMessage) -> bytes:
    """Raises ValueError for a value that AMQP cannot say."""
    parts = [] if message.header is None else [write_header(message.header)]
    parts += [write_map(Code.DELIVERY_ANNOTATIONS, message.delivery_annotations)]
    parts += [write_map(Code.MESSAGE_ANNOTATIONS, message.message_annotations)]
    parts += [write_properties(message.properties)]
    parts += [write_map(Code.APPLICATION_PROPERTIES, message.application_properties)]
    parts += write_body(message.data, message.sequences, message.value)
    parts += [write_map(Code.FOOTER, message.footer)]
    return b"".join(parts)


def write_header(header: Header) -> bytes:
    return _COMPOSITES.write(header)


def write_properties(properties: Properties) -> bytes:
    """Nothing when there are none."""
    return b"" if properties == Properties() else _COMPOSITES.write(properties)


def write_map(code: Code, values: Mapping[Any, Any]) -> bytes:
    """Nothing when it is empty."""
    return b"\x00\x53" + bytes((code,)) + encode(values) if values else b""


def write_body(
    data: Iterable[bytes], sequences: Iterable[list[Any]] = (), value: Any = None
) -> list[bytes]:
    sections = [b"\x00\x53\x75" + encode(octets) for octets in data]
    sections += [b"\x00\x53\x76" + encode(sequence) for sequence in sequences]
    return sections or [b"\x00\x53\x77" + encode(value)]
