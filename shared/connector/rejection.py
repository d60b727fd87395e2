"""What becomes of a message that is no command: a masked copy, an event, and nobody waits."""

import json
import logging
import re
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.connector.announcements import rejection_event
from shared.errors import ConflictError, Fault, InvalidRequestError
from shared.events.log import EventLog
from shared.messaging.broker import TransactionalSender
from shared.messaging.entities import REJECTED
from shared.messaging.message import Message
from shared.sql.database import Database, Transaction
from shared.wire.json_types import Json, parse_json
from shared.wire.secret_members import SECRET_MEMBERS, map_secret_members

logger = logging.getLogger(__name__)

MASK = "***"
LONGEST_DESCRIPTION = 4096
LONGEST_BODY = 192 * 1024
"""A queue takes 256 KB with all properties, and a body written anew may grow."""
MOST_FAULTS = 100
SECRET_TEXT = re.compile(
    rf"""(["']?\b(?:{"|".join(sorted(SECRET_MEMBERS))})["']?\s*[:=]\s*)"""
    r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,}\]]+)""",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """A message of a queue, whatever library took it from there."""

    body: bytes = field(repr=False)
    queue: str
    sequence_number: int
    message_id: str | None = None
    correlation_id: str | None = None

    @property
    def key(self) -> str:
        """By what a repeat of the message is recognised."""
        return self.message_id or f"{self.queue}/{self.sequence_number}"

    @property
    def name(self) -> str:
        """What no other message is called, not even one with the same message id."""
        position = f"{self.queue}/{self.sequence_number}"
        return f"{position}/{self.message_id}" if self.message_id else position


class Rejections:
    """Writes down rejected messages, each once however often it is delivered."""

    def __init__(
        self,
        database: Database,
        *,
        sender: TransactionalSender,
        event_log: EventLog,
        clock: Clock,
        source: str,
    ) -> None:
        self._database = database
        self._sender = sender
        self._event_log = event_log
        self._clock = clock
        self._source = source

    async def reject(
        self, message: QueueMessage, error: InvalidRequestError | ConflictError
    ) -> None:
        """Copy `message` to the queue `rejected` and tell why, in one transaction."""
        faults = faults_of(error)
        event = rejection_event(
            message.name,
            source=self._source,
            queue=message.queue,
            correlation_id=message.correlation_id,
            faults=faults,
            now=self._clock.now(),
        )
        copy = rejected_copy(message, reason=error.code, faults=faults)

        def write(transaction: Transaction) -> bool:
            is_new = self._event_log.insert(transaction, event)
            if is_new:
                self._sender.send_in(transaction, REJECTED, [copy])
            return is_new

        if await self._database.run(write):
            await self._event_log.publish()
            logger.warning(
                "message rejected: %s",
                error.code,
                extra={"action": "reject_message", "rejected_message": message.name},
            )


def faults_of(error: InvalidRequestError | ConflictError) -> tuple[Fault, ...]:
    if isinstance(error, InvalidRequestError):
        return error.faults[:MOST_FAULTS]
    return (Fault("$", error.message),)


def rejected_copy(message: QueueMessage, *, reason: str, faults: tuple[Fault, ...]) -> Message:
    """Return what the queue `rejected` gets: the message without its secrets, and why it is there."""
    description = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
    return Message(
        body=mask_secrets(message.body)[:LONGEST_BODY],
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        application_properties={
            "DeadLetterReason": reason,
            "DeadLetterErrorDescription": description[:LONGEST_DESCRIPTION],
            "SourceQueue": message.queue,
        },
    )


def mask_secrets(body: bytes) -> bytes:
    """Return `body` with its secrets masked: as JSON where it is JSON, and wherever text looks like a secret member."""
    try:
        document = parse_json(body)
    except InvalidRequestError:
        # Without the zeros, UTF-16 in a Latin script is read like UTF-8.
        return mask_text(body.decode(errors="replace").replace("\0", "")).encode()
    return json.dumps(mask_texts(map_secret_members(document, lambda _: MASK))).encode()


def mask_texts(document: Json) -> Json:
    """Return `document` with its texts masked: a body given as text holds members too."""
    match document:
        case dict():
            return {name: mask_texts(value) for name, value in document.items()}
        case list():
            return [mask_texts(value) for value in document]
        case str():
            return mask_text(document)
        case _:
            return document


def mask_text(text: str) -> str:
    return SECRET_TEXT.sub(rf'\1"{MASK}"', text)
