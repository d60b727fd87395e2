"""What travels on a queue or topic; the words are Service Bus's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from uuid import UUID

PropertyValue = str | int | float | bool | bytes | datetime | UUID | None
NO_PROPERTIES: Mapping[str, PropertyValue] = MappingProxyType({})


class MessageState(IntEnum):
    """Of what is stored, by Service Bus's own numbers; a locked message is an active one."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to send; `scheduled_enqueue_time` makes it visible no earlier than that."""

    body: bytes = field(repr=False)
    message_id: str | None = None
    correlation_id: str | None = None
    session_id: str | None = None
    subject: str | None = None
    content_type: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    to: str | None = None
    partition_key: str | None = None
    time_to_live: timedelta | None = None
    scheduled_enqueue_time: datetime | None = None
    application_properties: Mapping[str, PropertyValue] = field(
        default_factory=lambda: NO_PROPERTIES
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as the broker holds it; `delivery_count` counts the deliveries begun, 0 before the first."""

    message: Message
    sequence_number: int
    enqueued_time: datetime
    delivery_count: int
    state: MessageState = MessageState.ACTIVE
    expires_at: datetime | None = None
    dead_letter_source: str | None = None
    dead_letter_reason: str | None = None
    dead_letter_error_description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage(StoredMessage):
    """A delivered message under a lock; `delivery_count` is 1 at the first delivery."""

    lock_token: UUID
    locked_until: datetime
