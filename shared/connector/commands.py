"""The door: commands become operations, whether they came over HTTP or by a queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.clock import Clock
from shared.connector.announcements import attribute_text
from shared.connector.operations import NewOperation, Operation, OperationStatus
from shared.connector.ordering import ordering_path
from shared.connector.rejection import QueueMessage, Rejections
from shared.connector.store import Acceptance, OperationStore
from shared.errors import ConflictError, Fault, InvalidRequestError
from shared.sealing import Sealer
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import Command, canonical_json, parse_commands
from shared.wire.endpoint import Endpoint
from shared.wire.json_types import Json, JsonObject
from shared.wire.routing import resource_path

CREATE_JOB = "CreateJob"
LONGEST_KEY = 256


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, and when."""

    caller: str
    correlation_id: str | None
    requested_at: datetime


class Door:
    """Accepts commands; what it returns is durable."""

    def __init__(
        self,
        store: OperationStore,
        *,
        rejections: Rejections,
        sealer: Sealer,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._rejections = rejections
        self._sealer = sealer
        self._clock = clock
        self._new_id = new_id

    async def accept(
        self,
        commands: Sequence[Command],
        *,
        caller: str,
        key: str | None,
        correlation_id: str | None,
    ) -> list[Operation]:
        """Accept all commands in their order or none; a repeat of `key` returns the operations it made.

        Raises:
            ConflictError: the caller used the key for another request within 24 hours.
            InvalidRequestError: the key is empty, too long or not printable.
        """
        if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isprintable()):
            raise InvalidRequestError(
                [Fault("Idempotency-Key", f"must have 1 to {LONGEST_KEY} printable characters")]
            )
        now = self._clock.now()
        fingerprint = "" if key is None else self._fingerprint(commands)
        origin = Origin(caller, correlation_id and attribute_text(correlation_id), now)
        operations = [self._new_operation(command, origin) for command in commands]
        return await self._store.accept(
            Acceptance(
                operations=operations, caller=caller, key=key, fingerprint=fingerprint, now=now
            )
        )

    async def accept_message(self, message: QueueMessage) -> list[Operation]:
        """Accept the commands in a message of a queue; one that is no command is rejected and returns none."""
        try:
            return await self.accept(
                parse_commands(message.body),
                caller=message.caller,
                key=message.key,
                correlation_id=message.correlation_id,
            )
        except (InvalidRequestError, ConflictError) as error:
            await self._rejections.reject(message, error)
            return []

    def _new_operation(self, command: Command, origin: Origin) -> NewOperation:
        operation_id = self._new_id()
        endpoint, params = carried_out(command, operation_id)
        operation = Operation(
            id=operation_id,
            command=command.endpoint.name,
            resource=resource_path(endpoint, params),
            status=OperationStatus.NOT_STARTED,
            caller=origin.caller,
            correlation_id=origin.correlation_id,
            requested_at=origin.requested_at,
        )
        path = ordering_path(endpoint, params)
        sealed_body = None
        if (content := content_of(command)) is not None:
            text = canonical_json(content).decode()
            sealed_body = self._sealer.seal(text, context=sealing_context(operation_id))
        return NewOperation(
            operation=operation,
            follows=path,
            blocks=None if command.endpoint.is_read else path,
            sealed_body=sealed_body,
            if_match=command.if_match,
            time_limit=command.deadline,
        )

    def _fingerprint(self, commands: Sequence[Command]) -> str:
        document: Json = [
            {
                "command": command.endpoint.name,
                "resource": command.resource,
                "body": command.body,
                "ifMatch": command.if_match,
                "deadline": command.deadline.total_seconds(),
                **({"query": {**command.query}} if command.query else {}),
            }
            for command in commands
        ]
        return self._sealer.fingerprint(canonical_json(document))


def carried_out(command: Command, operation_id: str) -> tuple[Endpoint, Mapping[str, str]]:
    """Return the endpoint and the names that a command is carried out with.

    A job whose id the service would choose gets one that follows from the operation's, so that a repeat makes no second
    job.
    """
    if command.endpoint.name != CREATE_JOB:
        return command.endpoint, command.params
    return CATALOGUE["CreateOrUpdateJob"], {**command.params, "job": operation_id.replace("-", "")}


def content_of(command: Command) -> JsonObject | None:
    """Return what a command says besides its resource: the body of a change, the query of a read."""
    return {**command.query} if command.query else command.body


def sealing_context(operation_id: str) -> str:
    return f"operation/{operation_id}"
