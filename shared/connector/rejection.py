"""What becomes of a message that is no command: a masked copy, an event, and nobody waits."""

import hashlib
import json
import logging
import re
from dataclasses import dataclass, field, replace

from shared.clock import Clock
from shared.connector.announcements import origin_of, rejection_event
from shared.errors import ConflictError, Fault, InvalidRequestError
from shared.events.log import EventLog
from shared.messaging.broker import TransactionalSender
from shared.messaging.entities import REJECTED
from shared.messaging.message import Message
from shared.sql.database import Database, Transaction
from shared.storable import storable
from shared.trace_context import passed_on
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.secret_members import map_secret_members

logger = logging.getLogger(__name__)

MASK = "***"
LONGEST_DESCRIPTION = 4096
LONGEST_ID = 128
"""Of a message id in Service Bus; a message may come from elsewhere."""
LONGEST_BODY = 192 * 1024
"""A queue takes 256 KB with all properties, and a body written anew may grow."""
MOST_FAULTS = 100
SHOWN_MEMBERS = frozenset({"command", "resource"})
KNOWN_NAME = re.compile("[A-Za-z][A-Za-z0-9]{0,39}")
"""What members of the wire are called; anything else may be a secret in the wrong place."""
KNOWN_STEPS = re.compile(rf"\$(?:(?:\.{KNOWN_NAME.pattern}|\[[0-9]+\])(?=[.\[]|\Z))*")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """A message of a queue, whatever library took it from there."""

    body: bytes = field(repr=False)
    queue: str
    sequence_number: int
    message_id: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    service: str = "queue"
    idempotency_key: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None

    @property
    def key(self) -> str:
        """By what a repeat of the message is recognised."""
        return self.idempotency_key or self.message_id or f"{self.queue}/{self.sequence_number}"

    @property
    def caller(self) -> str:
        """Who asks: everybody who may send to that queue."""
        return f"{self.service}:{self.queue}"

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
            extensions=origin_of(message.correlation_id, passed_on(message.traceparent)),
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
    """Return what is wrong, without the names of unknown members."""
    if isinstance(error, InvalidRequestError):
        return tuple(
            replace(fault, path=masked_path(fault.path)) for fault in error.faults[:MOST_FAULTS]
        )
    return (Fault("$", error.message),)


def rejected_copy(message: QueueMessage, *, reason: str, faults: tuple[Fault, ...]) -> Message:
    """Return what the queue `rejected` gets: the message without its secrets, and why it is there."""
    return Message(
        body=masked(message.body),
        message_id=message.message_id and storable(message.message_id[:LONGEST_ID]),
        correlation_id=message.correlation_id and storable(message.correlation_id),
        application_properties={
            "DeadLetterReason": reason,
            "DeadLetterErrorDescription": description_of(faults),
            "SourceQueue": message.queue,
        },
    )


def description_of(faults: tuple[Fault, ...]) -> str:
    """Return the faults as text, cut where a queue or a log would choke on it."""
    text = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
    return storable(text[:LONGEST_DESCRIPTION])


def masked(body: bytes) -> bytes:
    """Return `body` as JSON of the same shape without its texts, or what tells it from others where that cannot be."""
    try:
        document = map_secret_members(parse_json(body), lambda _: MASK)
        # A number beyond all floats is read as infinite, which JSON cannot say.
        copy = json.dumps(shown(document), separators=(",", ":"), allow_nan=False).encode()
    except (InvalidRequestError, ValueError):
        return summary(body)
    return copy if len(copy) <= LONGEST_BODY else summary(body)


def summary(body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    return json.dumps({"unreadable": True, "bytes": len(body), "sha256": digest}).encode()


def shown(document: Json) -> Json:
    """Return a command or an array of them with nothing readable but which command it is, and for what."""
    if isinstance(document, list):
        return [shown_command(item) if isinstance(item, dict) else mask(item) for item in document]
    return shown_command(document) if isinstance(document, dict) else mask(document)


def shown_command(command: JsonObject) -> Json:
    result = mask_members(command)
    for name in SHOWN_MEMBERS & command.keys():
        if isinstance(command[name], str):
            result[name] = command[name]
    return result


def mask(document: Json) -> Json:
    match document:
        case dict():
            return mask_members(document)
        case list():
            return [mask(value) for value in document]
        case str():
            return MASK
        case _:
            return document


def mask_members(document: JsonObject) -> JsonObject:
    """Return `document` masked; members that are not known keep their place under a number."""
    return {
        name if KNOWN_NAME.fullmatch(name) else f"{MASK}{position}": mask(value)
        for position, (name, value) in enumerate(document.items())
    }


def masked_path(path: str) -> str:
    """Return a JSON path up to the first member that is not known; other paths are headers, whose names are ours."""
    known = KNOWN_STEPS.match(path)
    if known is None or known.end() == len(path):
        return path
    return f"{known[0]}['{MASK}']"
