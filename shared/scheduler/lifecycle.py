"""The states of a job and of an execution: each one table, and what is not in it cannot happen; pure.

A caller makes, enables and disables a job, and an enabled job ends by its last occurrence. Completed and faulted are
final: such a job can be read and deleted, and nothing else. docs/explanation/life-of-a-job.md shows both tables.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from shared.errors import ConflictError
from shared.wire.job import JobState


class JobTrigger(StrEnum):
    """What happens to a job; enable and disable are any PUT or PATCH, by the state that the job then has to have."""

    ENABLE = "enable"
    DISABLE = "disable"
    RUN = "run"
    LAST_OCCURRENCE_SUCCEEDED = "last occurrence succeeded"
    LAST_OCCURRENCE_FAILED = "last occurrence failed"
    NO_OCCURRENCE_LEFT = "no occurrence left"
    CANNOT_BE_PLANNED = "cannot be planned"


# A job that is not there yet has no state.
TRANSITIONS: Mapping[tuple[JobState | None, JobTrigger], JobState] = MappingProxyType(
    {
        (None, JobTrigger.ENABLE): JobState.ENABLED,
        (None, JobTrigger.DISABLE): JobState.DISABLED,
        (JobState.ENABLED, JobTrigger.ENABLE): JobState.ENABLED,
        (JobState.ENABLED, JobTrigger.DISABLE): JobState.DISABLED,
        (JobState.ENABLED, JobTrigger.RUN): JobState.ENABLED,
        (JobState.ENABLED, JobTrigger.LAST_OCCURRENCE_SUCCEEDED): JobState.COMPLETED,
        (JobState.ENABLED, JobTrigger.NO_OCCURRENCE_LEFT): JobState.COMPLETED,
        (JobState.ENABLED, JobTrigger.LAST_OCCURRENCE_FAILED): JobState.FAULTED,
        (JobState.ENABLED, JobTrigger.CANNOT_BE_PLANNED): JobState.FAULTED,
        (JobState.DISABLED, JobTrigger.ENABLE): JobState.ENABLED,
        (JobState.DISABLED, JobTrigger.DISABLE): JobState.DISABLED,
        (JobState.DISABLED, JobTrigger.RUN): JobState.DISABLED,
    }
)
CAN = {
    JobTrigger.ENABLE: "be changed",
    JobTrigger.DISABLE: "be changed",
    JobTrigger.RUN: "run",
}


class ExecutionState(StrEnum):
    """How far an execution is; waiting is between two attempts, the last three are how it ended."""

    CLAIMED = "claimed"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class ExecutionTrigger(StrEnum):
    """What happens to an execution; it is withdrawn when its job is changed or deleted."""

    CLAIM = "claim"
    START = "start"
    GO_ON = "retry, error action, poll"
    SUCCEED = "main action succeeded"
    FAIL = "nothing left to try"
    OVERLAP = "overlap"
    WITHDRAW = "withdraw"


EXECUTION_TRANSITIONS: Mapping[tuple[ExecutionState | None, ExecutionTrigger], ExecutionState] = (
    MappingProxyType(
        {
            (None, ExecutionTrigger.CLAIM): ExecutionState.CLAIMED,
            (ExecutionState.CLAIMED, ExecutionTrigger.START): ExecutionState.RUNNING,
            (ExecutionState.CLAIMED, ExecutionTrigger.OVERLAP): ExecutionState.SKIPPED,
            (ExecutionState.CLAIMED, ExecutionTrigger.WITHDRAW): ExecutionState.SKIPPED,
            # The lease ran out without a record: the attempt is repeated.
            (ExecutionState.RUNNING, ExecutionTrigger.START): ExecutionState.RUNNING,
            (ExecutionState.RUNNING, ExecutionTrigger.GO_ON): ExecutionState.WAITING,
            (ExecutionState.RUNNING, ExecutionTrigger.SUCCEED): ExecutionState.SUCCEEDED,
            (ExecutionState.RUNNING, ExecutionTrigger.FAIL): ExecutionState.FAILED,
            # An attempt under way cannot be called back; the execution ends with it.
            (ExecutionState.RUNNING, ExecutionTrigger.WITHDRAW): ExecutionState.RUNNING,
            (ExecutionState.WAITING, ExecutionTrigger.START): ExecutionState.RUNNING,
            # Its error action was taken away before it ran.
            (ExecutionState.WAITING, ExecutionTrigger.FAIL): ExecutionState.FAILED,
            (ExecutionState.WAITING, ExecutionTrigger.WITHDRAW): ExecutionState.FAILED,
        }
    )
)


def next_state(state: JobState | None, trigger: JobTrigger, *, job: str) -> JobState:
    """Return the state that `trigger` leads to; None is the state of a job that is not there yet.

    Raises:
        ConflictError: it leads nowhere from `state`.
    """
    found = TRANSITIONS.get((state, trigger))
    if found is None:
        able = " and ".join(one for one, other in TRANSITIONS if one and other is trigger)
        can = CAN.get(trigger, "end")
        raise ConflictError(f"Job '{job}' is {state}; only {able} jobs can {can}.", code="Conflict")
    return found
