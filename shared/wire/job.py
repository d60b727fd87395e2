"""A job as a caller defines it, and what the service adds when it answers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from shared.errors import Fault
from shared.wire.action import JobAction
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import PARTIAL, WireModel
from shared.wire.recurrence import Recurrence, schedule_faults
from shared.wire.secret_members import drop_secrets
from shared.wire.times import Instant, format_instant, parse_instant, tick_of, with_tick
from shared.wire.words import word_reader

MAX_JOB_BYTES = 16 * 1024
WITH_TICK = len("2026-01-31T02:30:00.1234567Z")
MAX_START_AHEAD = timedelta(days=548)  # 18 months


class JobState(StrEnum):
    """A caller sets enabled or disabled; completed and faulted are final and only the service's to set."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    COMPLETED = "completed"
    FAULTED = "faulted"


class JobExecutionStatus(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    POSTPONED = "postponed"


class ActionName(StrEnum):
    MAIN_ACTION = "MainAction"
    ERROR_ACTION = "ErrorAction"


_read_state = word_reader(JobState)


def _read_settable_state(value: object) -> JobState:
    state = _read_state(value)
    if state not in (JobState.ENABLED, JobState.DISABLED):
        raise PydanticCustomError(
            "state", "cannot be set to {state}; use enabled or disabled", {"state": state.value}
        )
    return state


def _forget_status(_: object, info: ValidationInfo) -> None:
    """Refuse it in a patch, which the contract says of old (section A.5); scripts put back what they were answered."""
    if info.context == PARTIAL:
        raise PydanticCustomError("read_only", "is read-only")


Counter = Annotated[int, Field(strict=True, ge=0)]
SettableState = Annotated[JobState, BeforeValidator(_read_settable_state)]


class Job(WireModel):
    """What a caller may say of a job, complete and valid; `id` may repeat the URI, `status` is ignored."""

    id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    start_time: Instant | None = None
    action: JobAction
    recurrence: Recurrence | None = None
    state: SettableState = JobState.ENABLED
    # The SDKs send a reason with a change of state; it is stored and never answered.
    state_details: Annotated[str, Field(max_length=1024)] | None = None
    status: Annotated[None, BeforeValidator(_forget_status)] = None


class JobStatus(WireModel):
    """Instants that do not exist are absent: never executed yet, no occurrence left."""

    last_execution_time: Instant | None = None
    next_execution_time: Instant | None = None
    execution_count: Counter = 0
    failure_count: Counter = 0
    faulted_count: Counter = 0


class JobHistory(WireModel):
    """One attempt; `repeat_count` counts occurrences from 1, `retry_count` attempts from 0."""

    job_id: str
    timestamp: Instant
    start_time: Instant
    end_time: Instant
    state: Annotated[JobState, BeforeValidator(_read_state)]
    message: str
    status: Annotated[JobExecutionStatus, BeforeValidator(word_reader(JobExecutionStatus))]
    action_name: Annotated[ActionName, BeforeValidator(word_reader(ActionName))]
    repeat_count: Annotated[int, Field(strict=True, ge=1)]
    retry_count: Counter

    def document(self) -> JsonObject:
        """See `WireModel.document`; written out, because every attempt asks for it."""
        start_time = format_instant(self.start_time)
        is_one = self.timestamp == self.start_time
        return {
            "jobId": self.job_id,
            "timestamp": start_time if is_one else format_instant(self.timestamp),
            "startTime": start_time,
            "endTime": format_instant(self.end_time),
            "state": self.state.value,
            "message": self.message,
            "status": self.status.value,
            "actionName": self.action_name.value,
            "repeatCount": self.repeat_count,
            "retryCount": self.retry_count,
        }


def job_answer(definition: JsonObject, *, id: str, status: JobStatus | None = None) -> JsonObject:
    """Return a job as the service answers it: `definition` is `Job.document()`, sealed or not; secrets are dropped.

    A disabled job has no status, however often it has run.
    """
    answer: JsonObject = {"id": id}
    answer.update(drop_secrets(definition))
    answer["id"] = id
    answer.pop("stateDetails", None)
    if status is not None and definition.get("state") != JobState.DISABLED:
        answer["status"] = on_grid(definition.get("startTime"), status).document()
    return answer


def on_grid(start_time: Json, status: JobStatus) -> JobStatus:
    """Return `status` with the seventh digit of the start time where the next occurrence has the others of it."""
    found = status.next_execution_time
    if found is None or not isinstance(start_time, str) or len(start_time) < WITH_TICK:
        return status
    start = parse_instant(start_time)
    if found.microsecond != start.microsecond:
        return status
    return status.model_copy(update={"next_execution_time": with_tick(found, tick_of(start))})


def time_faults(job: Job, *, now: datetime) -> tuple[Fault, ...]:
    """Return what is wrong with the times of a definition that is new at `now`."""
    return tuple(_time_faults(job, now))


def _time_faults(job: Job, now: datetime) -> Iterator[Fault]:
    if job.start_time is not None and job.start_time - now > MAX_START_AHEAD:
        yield Fault(
            "$.startTime", f"is {format_instant(job.start_time)}, more than 18 months ahead"
        )
    end_time = job.recurrence.end_time if job.recurrence else None
    if end_time is not None and end_time < now:
        yield Fault("$.recurrence.endTime", f"is {format_instant(end_time)}, in the past")
    if job.recurrence is not None:
        yield from schedule_faults(job.recurrence, job.start_time)
