"""Operations as commands make them: resource, order, sealed content; and what tells one request from another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.connector.operations import NewOperation, Operation, OperationStatus, ReplyTo
from shared.connector.ordering import ordering_path
from shared.sealing import Sealer
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import Command, canonical_json
from shared.wire.endpoint import Endpoint
from shared.wire.json_types import Json, JsonObject
from shared.wire.routing import resource_path

CREATE_JOB = "CreateJob"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks, when, and where the answer goes."""

    caller: str
    correlation_id: str | None
    traceparent: str | None
    reply_to: ReplyTo | None
    requested_at: datetime


class Drafts:
    """Writes operations; nothing of a body is in them but sealed."""

    def __init__(self, sealer: Sealer, new_id: Callable[[], str]) -> None:
        self._sealer = sealer
        self._new_id = new_id

    def operation(self, command: Command, origin: Origin) -> NewOperation:
        """Return a new operation that carries `command` out."""
        operation_id = self._new_id()
        endpoint, params = carried_out(command, operation_id)
        operation = Operation(
            id=operation_id,
            command=command.endpoint.name,
            resource=resource_path(endpoint, params),
            status=OperationStatus.NOT_STARTED,
            caller=origin.caller,
            correlation_id=origin.correlation_id,
            traceparent=origin.traceparent,
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
            reply_to=origin.reply_to,
        )

    def fingerprint(self, commands: Sequence[Command], reply_to: ReplyTo | None) -> str:
        """Return what two requests have in common when they say the same (P4)."""
        document: list[Json] = [
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
        if reply_to is not None:
            document.append({"replyTo": reply_to.queue, "session": reply_to.session_id})
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
