"""What the `data` of each event holds, for the schemas that its `dataschema` names (DESIGN §8).

The data of a job's events is the job as GET answers it: see `shared/wire/openapi/json_schemas.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from shared.events.event_types import EventType
from shared.wire.job import JobHistory
from shared.wire.model import WireModel
from shared.wire.times import Instant

Ended = Literal["Succeeded", "Failed", "Canceled"]


class ToldError(WireModel):
    """Why an operation failed, in the Scheduler's words where it answered."""

    code: str
    message: str


class ToldOperation(WireModel):
    """An operation as its status monitor shows it, too; what does not exist yet is absent."""

    id: str
    command: str
    resource: str
    status: Literal["NotStarted", "Running"] | Ended
    caller: str
    correlation_id: str | None = None
    requested_time: Instant
    started_time: Instant | None = None
    finished_time: Instant | None = None
    http_status: int | None = None
    error: ToldError | None = None
    result: JsonValue = None
    result_location: str | None = None


class EndedOperation(ToldOperation):
    """An operation at its end."""

    status: Ended
    finished_time: Instant


class SucceededOperation(EndedOperation):
    status: Literal["Succeeded"]


class FailedOperation(EndedOperation):
    status: Literal["Failed"]
    error: ToldError


class CanceledOperation(EndedOperation):
    status: Literal["Canceled"]


class ToldAttempt(JobHistory):
    """One record of the history, and which occurrence and execution it belongs to, which only our engine tells."""

    execution_id: str | None = None
    expected_execution_time: Instant | None = None


class ToldExecution(WireModel):
    """An execution after which nothing more follows; without a record its action was never tried."""

    execution_id: str
    origin: str
    expected_execution_time: Instant
    attempts: Annotated[int, Field(ge=0)]
    last_attempt: JobHistory | None = None


class ToldRange(WireModel):
    """Occurrences that were skipped, the first and the last of them included."""

    range_id: str
    reason: Literal["overlap", "missed", "superseded"]
    first_expected_execution_time: Instant
    last_expected_execution_time: Instant
    is_open: bool


class LostHistory(WireModel):
    """Records that a Scheduler dropped between two looks at them."""

    cloud_service: str
    job_collection: str
    job: str
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant
    missed: Annotated[int, Field(ge=1)]


class ToldFault(WireModel):
    """One thing wrong with a message; `target` is a JSON path, or a header's name."""

    target: str
    message: str


class RejectedCommand(WireModel):
    """A message that is no command; `message` is a name that no other message has."""

    queue: str
    message: str
    faults: tuple[ToldFault, ...]


class DeadLetteredDelivery(WireModel):
    """An event that an event subscription did not get; it is kept."""

    event_subscription_id: str
    event_id: str
    attempts: Annotated[int, Field(ge=1)]
    reason: str


class TestedEventSubscription(WireModel):
    """An event that says nothing but that somebody asked for it."""

    event_subscription_id: str
    caller: str


class DisabledEventSubscription(WireModel):
    """Why nothing more is delivered."""

    event_subscription_id: str
    reason: str


MODELS: Mapping[EventType, type[WireModel]] = MappingProxyType(
    {
        EventType.OPERATION_SUCCEEDED: SucceededOperation,
        EventType.OPERATION_FAILED: FailedOperation,
        EventType.OPERATION_CANCELED: CanceledOperation,
        EventType.ATTEMPT_SUCCEEDED: ToldAttempt,
        EventType.ATTEMPT_FAILED: ToldAttempt,
        EventType.EXECUTION_SUCCEEDED: ToldExecution,
        EventType.EXECUTION_FAILED: ToldExecution,
        EventType.EXECUTION_SKIPPED: ToldRange,
        EventType.HISTORY_LOST: LostHistory,
        EventType.COMMAND_REJECTED: RejectedCommand,
        EventType.DELIVERY_DEADLETTERED: DeadLetteredDelivery,
        EventType.EVENT_SUBSCRIPTION_TESTED: TestedEventSubscription,
        EventType.EVENT_SUBSCRIPTION_DISABLED: DisabledEventSubscription,
    }
)
"""Of every type but those of jobs."""
JOB_EVENTS = frozenset(EventType) - MODELS.keys()
