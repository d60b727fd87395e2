"""Rows of stored messages, and what is made of them."""

from typing import Any

from shared.messaging.embedded.envelope import Delivery, Form, StoredEnvelope, lock_token
from shared.messaging.embedded.namespace import Source
from shared.messaging.embedded.schema import State
from shared.messaging.message import MessageState

Row = tuple[Any, ...]
"""What `statements.COLUMNS` selects."""

FORMS = tuple(Form)
STATES = {
    State.ACTIVE: MessageState.ACTIVE,
    State.LOCKED: MessageState.ACTIVE,
    State.SCHEDULED: MessageState.SCHEDULED,
    State.DEFERRED: MessageState.DEFERRED,
    State.DEFERRED_LOCKED: MessageState.DEFERRED,
}


def stored(row: Row, dead_letter_source: str | None) -> StoredEnvelope:
    return StoredEnvelope(**_fields(row, dead_letter_source))


def delivered(row: Row, source: Source, locked_until: int) -> Delivery:
    """Return the message that was just locked; `row` was read before."""
    fields = _fields(row, source.dead_letter_source)
    fields["delivery_count"] += 1
    return Delivery(**fields, lock_token=lock_token(row[0], row[3] + 1), locked_until=locked_until)


def _fields(row: Row, dead_letter_source: str | None) -> dict[str, Any]:
    number, state, until, fence, uncounted, enqueued, expires, form, body, *rest = row
    attributes, message_id, session_id, reason, description = rest
    return {
        "form": FORMS[form],
        "payload": body,
        "attributes": attributes,
        "message_id": message_id,
        "session_id": session_id,
        "sequence_number": number,
        "enqueued_time": enqueued,
        "expires_at": expires,
        "due": until if state == State.SCHEDULED else None,
        "state": STATES[state],
        "delivery_count": fence - uncounted,
        "dead_letter_reason": reason,
        "dead_letter_error_description": description,
        "dead_letter_source": dead_letter_source,
    }
