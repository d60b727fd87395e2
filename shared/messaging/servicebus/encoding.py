"""Messages to and from those of the SDK."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

from shared.clock import EPOCH
from shared.errors import PermanentError
from shared.messaging.message import (
    NO_PROPERTIES,
    Message,
    MessageState,
    PropertyValue,
    ReceivedMessage,
    StoredMessage,
)

MAX_REPORT = 4096
DEAD_LETTER_PROPERTIES = ("DeadLetterReason", "DeadLetterErrorDescription")


def outgoing(message: Message) -> ServiceBusMessage:
    """Raises PermanentError when a text or a property cannot be sent, such as an id of more than 128 characters.

    Times to live are whole seconds in the SDK, of which we take the next.
    """
    try:
        sent = ServiceBusMessage(
            message.body,
            application_properties=outgoing_properties(message.application_properties) or None,
            session_id=sendable(message.session_id),
            message_id=sendable(message.message_id),
            scheduled_enqueue_time_utc=message.scheduled_enqueue_time,
            time_to_live=whole_seconds(message.time_to_live),
            content_type=sendable(message.content_type),
            correlation_id=sendable(message.correlation_id),
            subject=sendable(message.subject),
            partition_key=sendable(message.partition_key),
            to=sendable(message.to),
            reply_to=sendable(message.reply_to),
            reply_to_session_id=sendable(message.reply_to_session_id),
        )
    except ValueError as error:
        raise PermanentError(f"the message cannot be sent: {error}") from error
    sent.message_id = message.message_id  # the SDK makes one up
    return sent


def sendable(text: str | None) -> str | None:
    if text is not None:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise PermanentError(f"{text!r} is no text that can be sent") from None
    return text


def whole_seconds(duration: timedelta | None) -> timedelta | None:
    if duration is None:
        return None
    return timedelta(seconds=math.ceil(duration.total_seconds()))


def outgoing_properties(properties: Mapping[str, PropertyValue]) -> dict[str | bytes, Any]:
    return {sendable(name) or "": outgoing_value(value) for name, value in properties.items()}


def outgoing_value(value: PropertyValue) -> Any:
    """Name the type where the SDK would choose one that cannot hold the value: it sends integers in 32 bits and bytes
    as text (facts §2, 8)."""
    match value:
        case bool() | None:
            return value
        case int():
            return {"TYPE": "LONG", "VALUE": in_range(value)}
        case bytes():
            return {"TYPE": "BINARY", "VALUE": value}
        case str():
            return sendable(value)
        case _:
            return value


def in_range(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise PermanentError(f"{value} does not fit into the 64 bits of a property")
    return value


def report(text: str) -> str:
    """Return what of a reason or description can be sent with a settlement."""
    return text.encode(errors="replace").decode()[:MAX_REPORT]


def incoming(message: ServiceBusReceivedMessage, *, is_dead_letter: bool) -> Message:
    """Return what was sent; in a dead-letter queue the reason and its description are no properties of it."""
    properties = incoming_properties(message.application_properties or {})
    if is_dead_letter:
        for name in DEAD_LETTER_PROPERTIES:
            properties.pop(name, None)
    return Message(
        body=body_of(message),
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        session_id=message.session_id,
        subject=message.subject,
        content_type=message.content_type,
        reply_to=message.reply_to,
        reply_to_session_id=message.reply_to_session_id,
        to=message.to,
        partition_key=message.partition_key,
        time_to_live=message.time_to_live,
        scheduled_enqueue_time=message.scheduled_enqueue_time_utc,
        application_properties=properties or NO_PROPERTIES,
    )


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    if message.body_type is AmqpMessageBodyType.DATA:
        return b"".join(message.body)
    value = message.body
    return value if isinstance(value, bytes) else str(value).encode()


def incoming_properties(properties: Mapping[Any, Any]) -> dict[str, PropertyValue]:
    return {str(incoming_value(name)): incoming_value(value) for name, value in properties.items()}


def incoming_value(value: Any) -> PropertyValue:
    """The SDK hands out texts as bytes, so bytes that are text cannot be told from them; timestamps are numbers."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value if isinstance(value, int | float | UUID | None) else str(value)


def stored(
    message: ServiceBusReceivedMessage, *, delivery_count: int, is_dead_letter: bool
) -> StoredMessage:
    """Return a message that was peeked at."""
    return StoredMessage(
        message=incoming(message, is_dead_letter=is_dead_letter),
        sequence_number=message.sequence_number or 0,
        enqueued_time=message.enqueued_time_utc or EPOCH,
        delivery_count=delivery_count,
        state=MessageState(message.state),
        expires_at=expiry_of(message),
        dead_letter_source=message.dead_letter_source,
        dead_letter_reason=message.dead_letter_reason if is_dead_letter else None,
        dead_letter_error_description=(
            message.dead_letter_error_description if is_dead_letter else None
        ),
    )


def received(
    message: ServiceBusReceivedMessage, *, locked_until: datetime, is_dead_letter: bool
) -> ReceivedMessage:
    """Return a message that was delivered; its header tells the deliveries before this one."""
    seen = stored(
        message,
        delivery_count=(message.delivery_count or 0) + 1,
        is_dead_letter=is_dead_letter,
    )
    return ReceivedMessage(
        message=seen.message,
        sequence_number=seen.sequence_number,
        enqueued_time=seen.enqueued_time,
        delivery_count=seen.delivery_count,
        state=seen.state,
        expires_at=seen.expires_at,
        dead_letter_source=seen.dead_letter_source,
        dead_letter_reason=seen.dead_letter_reason,
        dead_letter_error_description=seen.dead_letter_error_description,
        lock_token=UUID(str(message.lock_token)),
        locked_until=locked_until,
    )


def expiry_of(message: ServiceBusReceivedMessage) -> datetime | None:
    try:
        return message.expires_at_utc
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
