"""Messages of the port to and from what is stored of them."""

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.clock import (
    MICROSECOND,
    from_microseconds,
    from_optional_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.errors import MalformedFrameError, MessageSizeExceededError, PermanentError
from shared.messaging.embedded.envelope import Delivery, Envelope, Form, StoredEnvelope
from shared.messaging.message import (
    NO_PROPERTIES,
    Message,
    PropertyValue,
    ReceivedMessage,
    StoredMessage,
)

MAX_PROPERTY = 32 * 1024
MAX_PROPERTIES = 64 * 1024
MAX_REPORT = 4096
TEXTS = (
    "correlation_id",
    "session_id",
    "subject",
    "content_type",
    "reply_to",
    "reply_to_session_id",
    "to",
    "partition_key",
)


@dataclass(frozen=True, slots=True)
class Content:
    """A message in the port's form; `attributes` is JSON of everything but body and id."""

    body: bytes
    message_id: str | None
    attributes: str | None


def encode(message: Message) -> Envelope:
    """Raises PermanentError for properties that are too large and text that is none."""
    attributes = encode_attributes(message)
    size = len(message.body)
    if attributes is not None:
        size += len(attributes)
        if len(attributes) > MAX_PROPERTY:
            check_properties(message.application_properties)
    if message.message_id is not None:
        size += len(storable_text(message.message_id))
    if message.session_id is not None:
        storable_text(message.session_id)
    time_to_live = message.time_to_live
    return Envelope(
        form=Form.PORT,
        payload=message.body,
        size=size,
        attributes=attributes,
        message_id=message.message_id,
        session_id=message.session_id,
        due=to_optional_microseconds(message.scheduled_enqueue_time),
        time_to_live=None if time_to_live is None else time_to_live // MICROSECOND,
    )


def storable_text(text: str) -> bytes:
    """Raises PermanentError for what is no Unicode text: half a surrogate pair, which JSON can spell."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PermanentError(f"the id of message or session is no text: {error.reason}") from error


def check_properties(properties: Mapping[str, PropertyValue]) -> None:
    """Raises MessageSizeExceededError when one property, or all together, are too large (facts, section 4)."""
    sizes = {name: len(name) + len(json.dumps(pack(value))) for name, value in properties.items()}
    for name, size in sizes.items():
        if size > MAX_PROPERTY:
            raise MessageSizeExceededError(
                f"the property {name[:50]!r} has {size} bytes; at most {MAX_PROPERTY} are allowed"
            )
    if sum(sizes.values()) > MAX_PROPERTIES:
        raise MessageSizeExceededError(
            f"the properties have {sum(sizes.values())} bytes; at most {MAX_PROPERTIES} are allowed"
        )


def check_sections(payload: bytes) -> None:
    """Raises MessageSizeExceededError as `check_properties` does; what is no application properties is let through."""
    if len(payload) <= MAX_PROPERTY:
        return
    # Not needed by whoever never talks AMQP.
    from shared.messaging.amqp.codec import envelopes

    with suppress(MalformedFrameError):
        check_properties(envelopes.properties_of(payload))


def reported(text: str | None) -> str | None:
    """Return a dead letter's reason or description as it can be stored: they often quote what was wrong."""
    return text and text[:MAX_REPORT].encode(errors="replace").decode()


def encode_attributes(message: Message) -> str | None:
    """Return JSON of what `message` has beside its body and id, None when that is nothing."""
    document: dict[str, Any] = {
        name: value for name in TEXTS if (value := getattr(message, name)) is not None
    }
    if message.scheduled_enqueue_time is not None:
        document["scheduled_enqueue_time"] = to_microseconds(message.scheduled_enqueue_time)
    if message.time_to_live is not None:
        document["time_to_live"] = message.time_to_live // MICROSECOND
    if message.application_properties:
        document["application_properties"] = {
            name: pack(value) for name, value in message.application_properties.items()
        }
    return json.dumps(document, separators=(",", ":")) if document else None


def message_of(envelope: Envelope | StoredEnvelope) -> Message:
    """Return the message in an envelope of either form."""
    if envelope.form is Form.PORT:
        return decode(Content(envelope.payload, envelope.message_id, envelope.attributes))
    # Not needed by whoever never talks AMQP.
    from shared.messaging.amqp.codec import envelopes

    message = envelopes.message_of(envelope.payload)
    if isinstance(envelope, StoredEnvelope) and envelope.expires_at is not None:
        # It came in the header, which is not kept.
        lasting = (envelope.expires_at - envelope.enqueued_time) * MICROSECOND
        return replace(message, time_to_live=lasting)
    return message


def decode(content: Content) -> Message:
    if content.attributes is None:
        return Message(body=content.body, message_id=content.message_id)
    document = json.loads(content.attributes)
    scheduled = document.pop("scheduled_enqueue_time", None)
    time_to_live = document.pop("time_to_live", None)
    properties = document.pop("application_properties", None)
    return Message(
        body=content.body,
        message_id=content.message_id,
        scheduled_enqueue_time=from_optional_microseconds(scheduled),
        time_to_live=None if time_to_live is None else time_to_live * MICROSECOND,
        application_properties=(
            NO_PROPERTIES
            if properties is None
            else {name: unpack(value) for name, value in properties.items()}
        ),
        **document,
    )


def with_properties(
    form: Form, payload: bytes, attributes: str | None, properties: Mapping[str, PropertyValue]
) -> tuple[bytes, str | None]:
    """Return payload and attributes with these application properties added or replaced.

    Raises MessageSizeExceededError when they have become too large.
    """
    if form is Form.AMQP:
        from shared.messaging.amqp.codec import envelopes

        sections = envelopes.with_properties(payload, properties)
        check_sections(sections)
        return sections, attributes
    message = decode(Content(b"", None, attributes))
    merged = {**message.application_properties, **properties}
    check_properties(merged)
    return payload, encode_attributes(replace(message, application_properties=merged))


def stored_message(envelope: StoredEnvelope) -> StoredMessage:
    return StoredMessage(
        message=message_of(envelope),
        sequence_number=envelope.sequence_number,
        enqueued_time=from_microseconds(envelope.enqueued_time),
        delivery_count=envelope.delivery_count,
        state=envelope.state,
        expires_at=from_optional_microseconds(envelope.expires_at),
        dead_letter_source=envelope.dead_letter_source,
        dead_letter_reason=envelope.dead_letter_reason,
        dead_letter_error_description=envelope.dead_letter_error_description,
    )


def received_message(delivery: Delivery) -> ReceivedMessage:
    return ReceivedMessage(
        message=message_of(delivery),
        sequence_number=delivery.sequence_number,
        enqueued_time=from_microseconds(delivery.enqueued_time),
        delivery_count=delivery.delivery_count,
        state=delivery.state,
        expires_at=from_optional_microseconds(delivery.expires_at),
        dead_letter_source=delivery.dead_letter_source,
        dead_letter_reason=delivery.dead_letter_reason,
        dead_letter_error_description=delivery.dead_letter_error_description,
        lock_token=delivery.lock_token,
        locked_until=from_microseconds(delivery.locked_until),
    )


def pack(value: PropertyValue) -> Any:
    """JSON has no bytes, instants and ids: they become objects, which no property value is."""
    match value:
        case bytes():
            return {"base64": base64.b64encode(value).decode()}
        case datetime():
            return {"instant": to_microseconds(value)}
        case UUID():
            return {"uuid": value.hex}
        case _:
            return value


def unpack(value: Any) -> PropertyValue:
    unpacked: PropertyValue
    match value:
        case {"base64": text}:
            unpacked = base64.b64decode(text)
        case {"instant": instant}:
            unpacked = from_microseconds(instant)
        case {"uuid": text}:
            unpacked = UUID(hex=text)
        case _:
            unpacked = value
    return unpacked
