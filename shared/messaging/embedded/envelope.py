"""What the broker keeps and hands out: messages as they were encoded, whatever the door they came in by.

Instants are microseconds since 1970, durations microseconds.
"""

import asyncio
from dataclasses import dataclass, field
from enum import IntEnum
from uuid import UUID

from shared.messaging.message import MessageState

MAX_INTEGER = 2**63 - 1


class Form(IntEnum):
    """How a payload is encoded: as the port's message, the rest of which is in `attributes`, or as AMQP sections."""

    PORT = 0
    AMQP = 1


@dataclass(slots=True, kw_only=True)
class Envelope:
    """A message to send. `due` is when it becomes active, None for at once; `size` counts against the limits."""

    form: Form
    payload: bytes = field(repr=False)
    size: int
    attributes: str | None = field(default=None, repr=False)
    message_id: str | None = None
    session_id: str | None = None
    due: int | None = None
    time_to_live: int | None = None


@dataclass(slots=True, kw_only=True)
class StoredEnvelope:
    """A message as it is kept; `delivery_count` counts the deliveries begun, 0 before the first."""

    form: Form
    payload: bytes = field(repr=False)
    attributes: str | None = field(repr=False)
    message_id: str | None
    session_id: str | None
    sequence_number: int
    enqueued_time: int
    expires_at: int | None
    due: int | None
    state: MessageState
    delivery_count: int
    dead_letter_reason: str | None
    dead_letter_error_description: str | None
    dead_letter_source: str | None


@dataclass(slots=True, kw_only=True)
class Delivery(StoredEnvelope):
    """A message under a lock; `delivery_count` is 1 at the first delivery."""

    lock_token: UUID
    locked_until: int


@dataclass(slots=True, eq=False)
class SessionLock:
    """A session held by somebody of this process; `lost` is set once the lock has ended without being released."""

    path: str
    session_id: str
    locked_until: int
    lost: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityCounts:
    """Messages of a queue, topic or subscription; `size` in bytes is that of the whole queue or topic."""

    path: str
    active: int
    scheduled: int
    deferred: int
    dead_lettered: int
    size: int


def lock_token(sequence_number: int, fence: int) -> UUID:
    """Return a token that no other delivery ever has; it is a fence and no secret."""
    return UUID(int=sequence_number << 32 | fence)


def read_token(token: UUID) -> tuple[int, int]:
    """Return sequence number and fence, of whatever origin the token is."""
    return (token.int >> 32) & MAX_INTEGER, token.int & 0xFFFFFFFF
