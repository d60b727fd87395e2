"""What a message may be (facts, section 4)."""

from contextlib import suppress
from datetime import UTC, datetime

from shared.clock import to_microseconds
from shared.errors import MalformedFrameError, MessageSizeExceededError, PermanentError
from shared.messaging.embedded.encoding import MAX_PROPERTY, check_properties, message_of
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.embedded.namespace import Target

MAX_MESSAGE_SIZE = 262_144
LARGEST_MAX_MESSAGE_SIZE = 1_048_576
MAX_ID = 128
MAX_PEEK = 250
LAST_INSTANT = to_microseconds(datetime.max.replace(tzinfo=UTC))


def check_envelope(envelope: Envelope, target: Target, max_size: int) -> None:
    """Raises MessageSizeExceededError, or PermanentError for what the entity does not take."""
    if envelope.size > max_size:
        raise MessageSizeExceededError(
            f"the message has {envelope.size} bytes; at most {max_size} are allowed"
        )
    if envelope.form is Form.AMQP and envelope.size > MAX_PROPERTY:
        check_sections(envelope)
    check_id("message", envelope.message_id)
    check_id("session", envelope.session_id)
    if target.requires_session and not envelope.session_id:
        raise PermanentError(
            f"{target.path!r} requires sessions, and the message has no session id",
            code="InvalidOperation",
        )
    if envelope.due is not None and envelope.due > LAST_INSTANT:
        raise PermanentError("a message is scheduled for after the year 9999", code="ArgumentError")


def check_id(kind: str, text: str | None) -> None:
    """Raises PermanentError when an id is too long."""
    if text is not None and len(text) > MAX_ID:
        raise PermanentError(
            f"the {kind} id has {len(text)} characters; at most {MAX_ID} are allowed",
            code="ArgumentError",
        )


def check_sections(envelope: Envelope) -> None:
    """Raises MessageSizeExceededError for application properties that are too large; what is none is let through."""
    from shared.messaging.amqp.sections import Code, find_sections

    for section in find_sections(envelope.payload):
        is_large = section.end - section.start > MAX_PROPERTY
        if is_large and section.code == Code.APPLICATION_PROPERTIES:
            with suppress(MalformedFrameError):
                check_properties(message_of(envelope))
