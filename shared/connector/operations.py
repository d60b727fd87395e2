"""An operation: an accepted command being carried out, and everything its row says about how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

RETRY_AFTER_NOT_STARTED = timedelta(seconds=1)
RETRY_AFTER_RUNNING = timedelta(seconds=2)


class OperationStatus(StrEnum):
    """NotStarted → Running → one of the others, which is the end."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


class Phase(StrEnum):
    """What the next step of a running operation is."""

    SEND = "send"
    POLL = "poll"
    VERIFY = "verify"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationError:
    """Why an operation failed, in the service's words where it answered."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a caller may see of an operation."""

    id: str
    command: str
    resource: str
    status: OperationStatus
    caller: str
    requested_at: datetime
    correlation_id: str | None = None
    traceparent: str | None = None
    """The trace that the command came in, for whoever is called or told because of it (W3C Trace Context)."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    http_status: int | None = None
    error: OperationError | None = None
    result: Any = None
    large_result_until: datetime | None = None
    """Until when a result that is too large for `result` is kept, or was."""

    @property
    def has_ended(self) -> bool:
        return self.finished_at is not None

    @property
    def result_path(self) -> str:
        """Where the result can be had, below the address of the connector."""
        return f"/api/operations/{self.id}/result"

    @property
    def retry_after(self) -> timedelta | None:
        """When to look again; None once it has ended."""
        match self.status:
            case OperationStatus.NOT_STARTED:
                return RETRY_AFTER_NOT_STARTED
            case OperationStatus.RUNNING:
                return RETRY_AFTER_RUNNING
            case _:
                return None

    def to_json(self) -> dict[str, Any]:
        """Return the form of status monitor and events; what is not known yet is absent."""
        error = self.error and {"code": self.error.code, "message": self.error.message}
        members: Mapping[str, Any] = {
            "id": self.id,
            "command": self.command,
            "resource": self.resource,
            "status": self.status.value,
            "caller": self.caller,
            "correlationId": self.correlation_id,
            "requestedTime": instant_text(self.requested_at),
            "startedTime": instant_text(self.started_at),
            "finishedTime": instant_text(self.finished_at),
            "httpStatus": self.http_status,
            "error": error,
            "result": self.result,
            "resultLocation": self.result_path if self.large_result_until else None,
        }
        return {name: value for name, value in members.items() if value is not None}


def instant_text(instant: datetime | None) -> str | None:
    """Return RFC 3339 in UTC with `Z`."""
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the attempts so far have left: the state of the decision between two steps.

    `failures` counts the steps of this phase that brought nothing, `polls` the looks at the service's operation, whose
    id is `request_id`; `missing_since` is when the service first said that it does not know that id.
    """

    phase: Phase = Phase.SEND
    request_id: str | None = None
    failures: int = 0
    polls: int = 0
    missing_since: datetime | None = None
    is_outcome_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTo:
    """Where the end of an operation is told directly, and how whoever waits there recognises it."""

    queue: str
    session_id: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOperation:
    """An operation to accept. `blocks` is the path whose later operations wait for it (None: a read), `follows` the
    path of whose earlier writes it waits for; the body is sealed under the operation's id."""

    operation: Operation
    follows: str
    blocks: str | None
    sealed_body: str | None = field(repr=False)
    if_match: str | None
    time_limit: timedelta
    reply_to: ReplyTo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A started operation, as much of it as carrying it out needs."""

    operation: Operation
    sealed_body: str | None = field(repr=False)
    if_match: str | None
    first_sent_at: datetime
    deadline_at: datetime
    progress: Progress
    leases: int
    """How many leases in a row have not been recorded, this one included."""
    wants_reply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The operation goes on at `due_at`; a pause moves its deadline by as much."""

    progress: Progress
    due_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The operation ends."""

    status: OperationStatus
    http_status: int | None = None
    error: OperationError | None = None
    result: Any = None
