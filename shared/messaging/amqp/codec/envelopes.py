"""Messages that come and go over AMQP, and what the broker keeps of them.

What a sender encoded is kept and passed on byte for byte, except that the header is ours: it is cut off on arrival and
written anew for each delivery, with the message annotations that Service Bus adds (facts, 1, Receiving). Application
properties and body are not looked into, unless something is to be added to the former. So every type that a sender
gave a value comes back as it was: the SDK compares types, as of a correlation id that is a uuid.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from struct import Struct
from typing import Any

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.encoding import compound, encode, write_string, write_uint
from shared.messaging.amqp.codec.property_values import (
    body_of,
    plain,
    plain_properties,
    text,
    typed_properties,
    well_formed,
)
from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Code,
    Header,
    Properties,
    Section,
    decode_message,
    encode_message,
    find_sections,
    read_body,
    read_header,
    read_map,
    read_properties,
    write_map,
)
from shared.messaging.amqp.codec.values import Symbol, Timestamp
from shared.messaging.embedded.encoding import Content, decode
from shared.messaging.embedded.envelope import Delivery, Envelope, Form, StoredEnvelope
from shared.messaging.message import NO_PROPERTIES, Message, PropertyValue

BATCH_FORMAT = 0x80013700

PARTITION_KEY = Symbol("x-opt-partition-key")
SCHEDULED_ENQUEUE_TIME = Symbol("x-opt-scheduled-enqueue-time")
_SEQUENCE_NUMBER = Symbol("x-opt-sequence-number")
_ENQUEUED_TIME = Symbol("x-opt-enqueued-time")
_LOCKED_UNTIL = Symbol("x-opt-locked-until")
_MESSAGE_STATE = Symbol("x-opt-message-state")
_DEAD_LETTER_SOURCE = Symbol("x-opt-deadletter-source")
_OURS = {_SEQUENCE_NUMBER, _ENQUEUED_TIME, _LOCKED_UNTIL, _MESSAGE_STATE, _DEAD_LETTER_SOURCE}

_NO_HEADER = Header()
_NO_PROPERTIES = Properties()
_MILLISECOND = 1000
_MAX_UINT = 2**32 - 1
_YEAR_9999 = 253_370_764_800_000_000
"""Nothing is due later, and what expires later never does: Python's instants end with that year."""


def envelope_of(payload: bytes, *, now: int) -> Envelope:
    """Return what the broker keeps of a message that has arrived; `now` is in microseconds.

    Raises MalformedFrameError for what is no message; application properties and body may still be none.
    """
    header, properties, start = _NO_HEADER, _NO_PROPERTIES, 0
    annotations: dict[Any, Any] = {}
    of_delivery: Section | None = None
    for section in find_sections(payload):
        if section.code == Code.HEADER:
            header, start = read_header(payload, section), section.end
        elif section.code == Code.DELIVERY_ANNOTATIONS:
            of_delivery = section
        elif section.code == Code.MESSAGE_ANNOTATIONS:
            annotations = read_map(payload, section)
        elif section.code == Code.PROPERTIES:
            properties = read_properties(payload, section)
    due = _due(annotations.get(SCHEDULED_ENQUEUE_TIME), now=now)
    time_to_live = _time_to_live(header, properties)
    if time_to_live is not None and (due or now) + time_to_live > _YEAR_9999:
        time_to_live = None
    return Envelope(
        form=Form.AMQP,
        payload=_in_order(payload, start, of_delivery),
        size=len(payload),
        message_id=text(properties.message_id),
        session_id=properties.group_id,
        due=due,
        time_to_live=time_to_live,
    )


def _in_order(payload: bytes, start: int, of_delivery: Section | None) -> bytes:
    """Return what comes from `start`, after the header, with the delivery annotations first."""
    if of_delivery is None or of_delivery.start == start:
        return payload[start:]
    annotations = payload[of_delivery.start : of_delivery.end]
    before = payload[start : max(start, of_delivery.start)]
    return annotations + before + payload[max(start, of_delivery.end) :]


def _due(milliseconds: Any, *, now: int) -> int | None:
    due = milliseconds * _MILLISECOND if isinstance(milliseconds, Timestamp) else now
    return min(due, _YEAR_9999) if due > now else None


def _time_to_live(header: Header, properties: Properties) -> int | None:
    """The header's, in milliseconds, ends at 49 days; the SDKs write longer ones as a pair of times.

    0 is none: what the Python SDK makes of less than a second (facts, trap 7).
    """
    milliseconds = header.ttl
    if properties.absolute_expiry_time is not None and properties.creation_time is not None:
        milliseconds = properties.absolute_expiry_time - properties.creation_time
    if milliseconds is None or not 0 < milliseconds * _MILLISECOND < _YEAR_9999:
        return None
    return milliseconds * _MILLISECOND


def unbatch(payload: bytes) -> list[bytes]:
    """Return the messages of a batch, a transfer of message format BATCH_FORMAT: each data section is one."""
    messages = [
        read_body(payload, section)
        for section in find_sections(payload)
        if section.code == Code.DATA
    ]
    if not messages:
        raise MalformedFrameError("a batch without messages")
    return messages


def deliver(stored: StoredEnvelope) -> bytes:
    """Return what a receiver gets, with the lock when it is a `Delivery`."""
    payload = _payload(stored)
    if stored.dead_letter_reason is not None or stored.dead_letter_error_description is not None:
        payload = _dead_lettered(payload, stored)
    delivery_annotations, rest = b"", 0
    others: dict[Any, Any] = {}
    for section in find_sections(payload):
        if section.code > Code.MESSAGE_ANNOTATIONS:
            break
        if section.code == Code.MESSAGE_ANNOTATIONS:
            others = read_map(payload, section)
        else:
            delivery_annotations = payload[section.start : section.end]
        rest = section.end
    return b"".join(
        (_header(stored), delivery_annotations, _annotations(stored, others), payload[rest:])
    )


def _payload(stored: StoredEnvelope) -> bytes:
    if stored.form is Form.AMQP:
        return stored.payload
    content = Content(stored.payload, stored.message_id, stored.attributes)
    return sections_of(decode(content))


def _dead_lettered(payload: bytes, stored: StoredEnvelope) -> bytes:
    properties = {
        "DeadLetterReason": stored.dead_letter_reason,
        "DeadLetterErrorDescription": stored.dead_letter_error_description,
    }
    try:
        return with_properties(
            payload,
            {name: value for name, value in properties.items() if value is not None},
        )
    except MalformedFrameError:
        # What its sender got wrong is no reason to keep a dead letter from being looked at.
        return payload


_HEADER_START = b"\x41\x50\x04"  # durable, of priority 4
_HEADER_DESCRIPTOR = b"\x00\x53\x70"


def _header(stored: StoredEnvelope) -> bytes:
    """Whole: the SDK takes five fields. `delivery_count` is that of earlier deliveries."""
    earlier = stored.delivery_count
    if isinstance(stored, Delivery):
        earlier -= 1
    if stored.expires_at is None:
        time_to_live = b"\x40"
    else:
        lasting = (stored.expires_at - stored.enqueued_time) // _MILLISECOND
        time_to_live = write_uint(min(max(lasting, 0), _MAX_UINT))
    is_first = b"\x42" if earlier else b"\x41"
    fields = _HEADER_START + time_to_live + is_first + write_uint(earlier)
    return _HEADER_DESCRIPTOR + compound(0xC0, 5, fields)


_MAP_DESCRIPTOR = b"\x00\x53\x72"
_PACK = Struct(">q").pack
_NUMBER_KEY = encode(_SEQUENCE_NUMBER) + b"\x81"
_ENQUEUED_KEY = encode(_ENQUEUED_TIME) + b"\x83"
_LOCKED_KEY = encode(_LOCKED_UNTIL) + b"\x83"
_DUE_KEY = encode(SCHEDULED_ENQUEUE_TIME) + b"\x83"
_STATE_KEY = encode(_MESSAGE_STATE) + b"\x54"
_SOURCE_KEY = encode(_DEAD_LETTER_SOURCE)


def _annotations(stored: StoredEnvelope, others: Mapping[Any, Any]) -> bytes:
    parts = [
        _NUMBER_KEY + _PACK(stored.sequence_number),
        _ENQUEUED_KEY + _PACK(stored.enqueued_time // _MILLISECOND),
        _STATE_KEY + bytes((stored.state,)),
    ]
    if isinstance(stored, Delivery):
        parts.append(_LOCKED_KEY + _PACK(stored.locked_until // _MILLISECOND))
    if stored.dead_letter_source is not None:
        parts.append(_SOURCE_KEY + write_string(stored.dead_letter_source))
    if stored.due is not None:
        parts.append(_DUE_KEY + _PACK(stored.due // _MILLISECOND))
    for key, value in others.items():
        if key not in _OURS and not (stored.due is not None and key == SCHEDULED_ENQUEUE_TIME):
            parts.append(encode(key) + encode(value))
    return _MAP_DESCRIPTOR + compound(0xC1, 2 * len(parts), b"".join(parts))


def with_properties(payload: bytes, properties: Mapping[Any, Any]) -> bytes:
    """Return the payload with these application properties added or replaced.

    Raises MalformedFrameError when those that it has are none, ValueError for a value that AMQP cannot say.
    """
    start = end = len(payload)
    known: dict[Any, Any] = {}
    for section in find_sections(payload):
        if section.code == Code.APPLICATION_PROPERTIES:
            known = read_map(payload, section)
            start, end = section.start, section.end
            break
        if section.code > Code.APPLICATION_PROPERTIES:
            start = end = section.start
            break
    merged = known | {str(name): value for name, value in properties.items()}
    return payload[:start] + write_map(Code.APPLICATION_PROPERTIES, merged) + payload[end:]


def properties_of(payload: bytes) -> Mapping[str, PropertyValue]:
    """Return the application properties as the port has them. Raises MalformedFrameError when they are none."""
    for section in find_sections(payload):
        if section.code == Code.APPLICATION_PROPERTIES:
            return plain_properties(read_map(payload, section))
    return NO_PROPERTIES


def message_of(payload: bytes) -> Message:
    """Return what the port makes of a message that came over AMQP. Raises MalformedFrameError.

    Data sections are joined; a body of another kind is text, or else JSON.
    """
    decoded = decode_message(payload)
    properties, annotations = decoded.properties, decoded.message_annotations
    time_to_live = _time_to_live(decoded.header or _NO_HEADER, properties)
    return Message(
        body=_body(decoded),
        message_id=text(properties.message_id),
        correlation_id=text(properties.correlation_id),
        session_id=properties.group_id,
        subject=properties.subject,
        content_type=None if properties.content_type is None else str(properties.content_type),
        reply_to=properties.reply_to,
        reply_to_session_id=properties.reply_to_group_id,
        to=properties.to,
        partition_key=text(annotations.get(PARTITION_KEY)),
        time_to_live=None if time_to_live is None else timedelta(microseconds=time_to_live),
        scheduled_enqueue_time=_instant(annotations.get(SCHEDULED_ENQUEUE_TIME)),
        application_properties=plain_properties(decoded.application_properties),
    )


def _instant(value: Any) -> datetime | None:
    instant = plain(value)
    return instant if isinstance(instant, datetime) else None


def _body(message: AmqpMessage) -> bytes:
    if message.data:
        return b"".join(message.data)
    if message.sequences:
        return body_of([item for sequence in message.sequences for item in sequence])
    return body_of(message.value)


def sections_of(message: Message) -> bytes:
    """Return what the broker keeps of a message of the port in AMQP: everything but its time to live."""
    annotations: dict[Symbol, Any] = {}
    if message.partition_key is not None:
        annotations[PARTITION_KEY] = well_formed(message.partition_key)
    if message.scheduled_enqueue_time is not None:
        annotations[SCHEDULED_ENQUEUE_TIME] = Timestamp.of(message.scheduled_enqueue_time)
    return encode_message(
        AmqpMessage(
            message_annotations=annotations,
            properties=_properties(message),
            application_properties=typed_properties(message.application_properties),
            data=(message.body,),
        )
    )


def _properties(message: Message) -> Properties:
    content_type = None
    if message.content_type is not None:
        content_type = Symbol(message.content_type.encode("ascii", errors="replace"), "ascii")
    return Properties(
        message_id=_well_formed(message.message_id),
        to=_well_formed(message.to),
        subject=_well_formed(message.subject),
        reply_to=_well_formed(message.reply_to),
        correlation_id=_well_formed(message.correlation_id),
        content_type=content_type,
        group_id=_well_formed(message.session_id),
        reply_to_group_id=_well_formed(message.reply_to_session_id),
    )


def _well_formed(value: str | None) -> str | None:
    return None if value is None else well_formed(value)
