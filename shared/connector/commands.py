"""The door: commands become operations, whether they came over HTTP or by a queue."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import quote

from shared.clock import Clock
from shared.connector.operations import NewOperation, Operation, OperationStatus
from shared.connector.rejection import QueueMessage, Rejections
from shared.connector.store import Acceptance, OperationStore
from shared.errors import ConflictError, Fault, InvalidRequestError
from shared.sealing import Sealer
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import Command, canonical_json, parse_commands
from shared.wire.json_types import Json
from shared.wire.routing import resource_path

CREATE_JOB = "CreateJob"
LONGEST_KEY = 256
LONGEST_CORRELATION_ID = 128
# An event cannot be written with these in an attribute, and then its operation could not end.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


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
            InvalidRequestError: the key is too long.
        """
        if key is not None and len(key) > LONGEST_KEY:
            raise InvalidRequestError(
                [Fault("Idempotency-Key", f"must have at most {LONGEST_KEY} characters")]
            )
        now = self._clock.now()
        fingerprint = "" if key is None else self._fingerprint(commands)
        operations = []
        for command in commands:
            operation_id = self._new_id()
            operation = Operation(
                id=operation_id,
                command=command.endpoint.name,
                resource=resource_of(command, operation_id),
                status=OperationStatus.NOT_STARTED,
                caller=caller,
                correlation_id=correlation_id and attribute_text(correlation_id),
                requested_at=now,
            )
            operations.append(self._new_operation(command, operation))
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
                caller=f"queue:{message.queue}",
                key=message.key,
                correlation_id=message.correlation_id,
            )
        except (InvalidRequestError, ConflictError) as error:
            await self._rejections.reject(message, error)
            return []

    def _new_operation(self, command: Command, operation: Operation) -> NewOperation:
        path = f"{operation.resource.casefold()}/"
        sealed_body = None
        if command.body is not None:
            text = canonical_json(command.body).decode()
            sealed_body = self._sealer.seal(text, context=sealing_context(operation.id))
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
            }
            for command in commands
        ]
        return self._sealer.fingerprint(canonical_json(document))


def resource_of(command: Command, operation_id: str) -> str:
    """Return what the operation changes. A job whose id the service would choose gets one that follows from the
    operation's, so that a repeat makes no second job."""
    if command.endpoint.name != CREATE_JOB:
        return command.resource
    params = {**command.params, "job": operation_id.replace("-", "")}
    return resource_path(CATALOGUE["CreateOrUpdateJob"], params)


def sealing_context(operation_id: str) -> str:
    return f"operation/{operation_id}"


def attribute_text(text: str) -> str:
    """Return `text` as an attribute of an event can hold it."""
    return FORBIDDEN.sub(lambda match: quote(match[0], errors="replace"), text)[
        :LONGEST_CORRELATION_ID
    ]
