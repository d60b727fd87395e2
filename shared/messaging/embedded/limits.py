"""What a message may be (facts, section 4)."""

from datetime import UTC, datetime

from shared.clock import to_microseconds
from shared.errors import MessageSizeExceededError, PermanentError
from shared.messaging.embedded.encoding import check_sections
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.embedded.namespace import Target

MAX_MESSAGE_SIZE = 262_144
LARGEST_MAX_MESSAGE_SIZE = 1_048_576
MAX_ID = 128
MAX_PEEK = 250
LAST_INSTANT = to_microseconds(datetime.max.replace(tzinfo=UTC))


def check_envelope(envelope: Envelope, target: Target, max_size: int) -> None:
    """Raises MessageSizeExceededError, or PermanentError for what the entity does not take."""
    check_size(envelope.size, max_size)
    if envelope.form is Form.AMQP:
        check_sections(envelope.payload)
    check_id("message", envelope.message_id)
    check_id("session", envelope.session_id)
    if target.requires_session and not envelope.session_id:
        what = "has no session id" if envelope.session_id is None else "has an empty session id"
        raise PermanentError(
            f"{target.path!r} requires sessions, and the message {what}", code="InvalidOperation"
        )
    if envelope.due is not None and envelope.due > LAST_INSTANT:
        raise PermanentError("a message is scheduled for after the year 9999", code="ArgumentError")


def check_size(size: int, max_size: int) -> None:
    """Raises MessageSizeExceededError."""
    if size > max_size:
        raise MessageSizeExceededError(
            f"the message has {size} bytes; at most {max_size} are allowed"
        )


def check_id(kind: str, text: str | None) -> None:
    """Raises PermanentError when an id is too long."""
    if text is not None and len(text) > MAX_ID:
        raise PermanentError(
            f"the {kind} id has {len(text)} characters; at most {MAX_ID} are allowed",
            code="ArgumentError",
        )
