"""What the end of an execution means for its job."""

from datetime import datetime

from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.scheduler.announcements import job_event
from shared.scheduler.execution_store import Progress, StoredExecution
from shared.scheduler.job_documents import answered
from shared.scheduler.lifecycle import JobTrigger, next_state
from shared.scheduler.skips import Skips
from shared.scheduler.store import SchedulerStore
from shared.sql.database import Transaction
from shared.wire.job import JobState


class Endings:
    """Ends jobs with their last execution."""

    def __init__(self, store: SchedulerStore) -> None:
        self._store = store
        self._skips = Skips(store.history)

    def end_job(
        self,
        tx: Transaction,
        job: Progress,
        row: StoredExecution,
        *,
        job_collection_id: int,
        is_success: bool,
        now: datetime,
    ) -> list[CloudEvent]:
        """Put the job into its final state if `row`, which ends in this transaction, was all that was left of it.

        `job` is how far it was before that. Returns what is to be told.
        """
        if not is_last(row, job):
            return []
        events = []
        if job.open_skip is not None:
            events.append(self._skips.close(tx, job.open_skip, path=row.path, now=now))
        trigger = (
            JobTrigger.LAST_OCCURRENCE_SUCCEEDED
            if is_success
            else JobTrigger.LAST_OCCURRENCE_FAILED
        )
        state = next_state(job.state, trigger, job=row.path.job)
        self._store.timings.end(tx, job.job_id, state=state, now=now)
        stored = self._store.jobs.find(tx.connection, job_collection_id, row.path.job)
        assert stored is not None, "it was there in this transaction"
        kind = EventType.JOB_COMPLETED if state is JobState.COMPLETED else EventType.JOB_FAULTED
        document, cause = answered(stored), row.id
        ended = job_event(
            kind,
            row.path,
            document=document,
            cause=cause,
            at=now,
            extensions={"executionid": cause},
        )
        return [*events, ended]


def is_current(row: StoredExecution, job: Progress) -> bool:
    """Whether the job still wants the execution: what was asked for is wanted as long as there is a job."""
    return not row.is_scheduled or row.generation == job.generation


def is_of_schedule(row: StoredExecution, job: Progress) -> bool:
    """Whether the execution is one of those that the job's own occurrences led to, as they are planned now."""
    return row.is_scheduled and row.generation == job.generation


def is_last(row: StoredExecution, job: Progress) -> bool:
    """Whether nothing but this execution is left of the job."""
    is_alone = job.outstanding == 1 and not job.has_next
    return is_alone and is_of_schedule(row, job)
