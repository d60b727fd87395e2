"""Messages to and from what is stored of them, and what a lock token says."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.clock import from_microseconds, to_microseconds
from shared.errors import PermanentError
from shared.messaging.message import (
    NO_PROPERTIES,
    Message,
    PropertyValue,
    ReceivedMessage,
    StoredMessage,
)

MAX_SIZE = 262_144
MAX_REPORT = 4096
MAX_INTEGER = 2**63 - 1
TEXTS = (
    "correlation_id",
    "session_id",
    "subject",
    "content_type",
    "reply_to",
    "to",
    "partition_key",
)


# sequence number, delivery count, enqueued time, body, message id, attributes, dead-letter reason and description
Row = tuple[int, int, int, bytes, str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Content:
    """What is written once; `attributes` is JSON of everything else that was given."""

    body: bytes
    message_id: str | None
    attributes: str | None


def encode(message: Message) -> Content:
    """Raises PermanentError when body and attributes together are larger than 256 KB, or are to last for a time."""
    if message.time_to_live is not None:
        raise PermanentError(
            "time_to_live is not supported: the embedded broker keeps messages until they are settled"
        )
    attributes = encode_attributes(message)
    size = len(message.body) + len(storable_text(message.message_id)) + len(attributes or "")
    if size > MAX_SIZE:
        raise PermanentError(
            f"the message has {size} bytes; at most {MAX_SIZE} are allowed",
            code="MessageSizeExceeded",
        )
    return Content(message.body, message.message_id, attributes)


def storable_text(text: str | None) -> bytes:
    """Raises PermanentError for what is no Unicode text: half a surrogate pair, which JSON can spell."""
    try:
        return (text or "").encode()
    except UnicodeEncodeError as error:
        raise PermanentError(f"the message id is no text: {error.reason}") from error


def reported(text: str) -> str:
    """Return a dead letter's reason or description as it can be stored: they often quote what was wrong."""
    return text[:MAX_REPORT].encode(errors="replace").decode()


def encode_attributes(message: Message) -> str | None:
    """Return JSON of what `message` has beside its body and id, None when that is nothing."""
    document: dict[str, Any] = {
        name: value for name in TEXTS if (value := getattr(message, name)) is not None
    }
    if message.scheduled_enqueue_time is not None:
        document["scheduled_enqueue_time"] = to_microseconds(message.scheduled_enqueue_time)
    if message.application_properties:
        document["application_properties"] = {
            name: pack(value) for name, value in message.application_properties.items()
        }
    return json.dumps(document, separators=(",", ":")) if document else None


def decode(content: Content) -> Message:
    """Return the message that was encoded."""
    if content.attributes is None:
        return Message(body=content.body, message_id=content.message_id)
    document = json.loads(content.attributes)
    scheduled = document.pop("scheduled_enqueue_time", None)
    properties = document.pop("application_properties", None)
    return Message(
        body=content.body,
        message_id=content.message_id,
        scheduled_enqueue_time=None if scheduled is None else from_microseconds(scheduled),
        application_properties=(
            NO_PROPERTIES
            if properties is None
            else {name: unpack(value) for name, value in properties.items()}
        ),
        **document,
    )


def add_properties(attributes: str | None, properties: Mapping[str, PropertyValue]) -> str | None:
    """Return the attributes with these application properties added or replaced."""
    message = decode(Content(b"", None, attributes))
    merged = {**message.application_properties, **properties}
    return encode_attributes(replace(message, application_properties=merged))


def stored(row: Row) -> StoredMessage:
    number, count, enqueued, body, message_id, attributes, reason, description = row
    return StoredMessage(
        message=decode(Content(body, message_id, attributes)),
        sequence_number=number,
        enqueued_time=from_microseconds(enqueued),
        delivery_count=count,
        dead_letter_reason=reason,
        dead_letter_error_description=description,
    )


def received(row: Row, locked_until: datetime) -> ReceivedMessage:
    """Return the message that was just locked; `row` was read before."""
    number, earlier, enqueued, body, message_id, attributes, reason, description = row
    return ReceivedMessage(
        message=decode(Content(body, message_id, attributes)),
        sequence_number=number,
        enqueued_time=from_microseconds(enqueued),
        delivery_count=earlier + 1,
        dead_letter_reason=reason,
        dead_letter_error_description=description,
        lock_token=lock_token(number, earlier + 1),
        locked_until=locked_until,
    )


def lock_token(sequence_number: int, delivery_count: int) -> UUID:
    """Return a token that no other delivery ever has; it is a fence and no secret."""
    return UUID(int=sequence_number << 32 | delivery_count)


def read_token(token: UUID) -> tuple[int, int]:
    """Return sequence number and delivery count, of whatever origin the token is."""
    return (token.int >> 32) & MAX_INTEGER, token.int & 0xFFFFFFFF


def pack(value: PropertyValue) -> Any:
    """JSON has no bytes: they become an object, which no property value is."""
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def unpack(value: Any) -> PropertyValue:
    unpacked: PropertyValue = (
        base64.b64decode(value["base64"]) if isinstance(value, dict) else value
    )
    return unpacked
