"""The last transaction of an attempt: its record, the counters, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic_core import from_json

from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.scheduler.action import Outcome
from shared.scheduler.announcements import attempt_event, job_event
from shared.scheduler.execution_store import Count, RunningJob, StoredExecution
from shared.scheduler.lifecycle import (
    EXECUTION_TRANSITIONS,
    ExecutionState,
    ExecutionTrigger,
    JobTrigger,
    next_state,
)
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import end_event, told_execution
from shared.scheduler.retry import (
    End,
    NextStep,
    Retries,
    Retry,
    RunErrorAction,
    has_faulted,
    next_step,
    retries_of,
)
from shared.scheduler.service.job_documents import answered
from shared.scheduler.skips import Skips
from shared.scheduler.starting import Assignment, is_current
from shared.scheduler.store import SchedulerStore
from shared.sql.database import Transaction
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState
from shared.wire.json_types import JsonObject

WAITING = EXECUTION_TRANSITIONS[ExecutionState.RUNNING, ExecutionTrigger.GO_ON]
KEPT_RECORDS = 1000
TRIMMED_EVERY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An attempt that is over."""

    assignment: Assignment
    outcome: Outcome
    ended_at: datetime


class Recorder:
    """Writes down attempts; `retries` are those of a job without a policy of its own."""

    def __init__(self, store: SchedulerStore, outgoing: Outgoing, *, retries: Retries) -> None:
        self._store = store
        self._skips = Skips(store.history)
        self._outgoing = outgoing
        self._retries = retries

    def record(self, tx: Transaction, reports: Sequence[Report]) -> Sequence[None]:
        """Write down each attempt; the work of one grouped transaction.

        Raises:
            LeaseLostError: the attempt is somebody else's by now.
        """
        for report in reports:
            self._record(tx, report)
        return [None] * len(reports)

    def _record(self, tx: Transaction, report: Report) -> None:
        row = report.assignment.row
        row = replace(row, recorded=row.recorded + 1)
        job = self._store.timings.get(tx.connection, row.job_id)
        step = self._step(report, job)
        record = record_of(report, job)
        self._go_on(tx, report, row, step)
        events = [attempt_event(row.path, told_execution(row), history=record)]
        if job is not None:
            self._keep(tx, job, row, record, step)
        if isinstance(step, End):
            at = report.ended_at
            events.append(end_event(row, is_success=step.is_success, last=record, at=at))
            if job is not None and row.is_scheduled and is_current(row, job):
                events += self._end_of(tx, job, row, step, at)
        self._outgoing.insert(tx, events)

    def _step(self, report: Report, job: RunningJob | None) -> NextStep:
        row, succeeded = report.assignment.row, report.outcome.is_success
        if succeeded or job is None or not is_current(row, job):
            is_main = row.action_name is ActionName.MAIN_ACTION
            return End(is_success=succeeded and is_main)
        action: JsonObject = from_json(job.definition)["action"]
        policy = action.get("retryPolicy")
        return next_step(
            action_name=row.action_name,
            retry_count=row.retry_count,
            succeeded=False,
            retries=retries_of(policy if isinstance(policy, dict) else None, default=self._retries),
            has_error_action="errorAction" in action,
        )

    def _go_on(self, tx: Transaction, report: Report, row: StoredExecution, step: NextStep) -> None:
        executions, lease, now = self._store.executions, report.assignment.lease, report.ended_at
        match step:
            case Retry():
                row = replace(row, state=WAITING, retry_count=row.retry_count + 1)
                executions.go_on(tx, lease, row, due_at=now + step.after, now=now)
            case RunErrorAction():
                row = replace(
                    row, state=WAITING, action_name=ActionName.ERROR_ACTION, retry_count=0
                )
                executions.go_on(tx, lease, row, due_at=now, now=now)
            case End():
                trigger = ExecutionTrigger.SUCCEED if step.is_success else ExecutionTrigger.FAIL
                state = EXECUTION_TRANSITIONS[ExecutionState.RUNNING, trigger]
                executions.end(tx, row.id, lease=lease, state=state, now=now)

    def _keep(
        self,
        tx: Transaction,
        job: RunningJob,
        row: StoredExecution,
        record: JobHistory,
        step: NextStep,
    ) -> None:
        self._store.history.insert(tx, job.id, record, execution=row)
        if record.repeat_count % TRIMMED_EVERY == 0 and record.retry_count == 0:
            self._store.history.trim(tx, job.id, keep=KEPT_RECORDS)
        if row.generation >= job.counted_from:
            is_main = row.action_name is ActionName.MAIN_ACTION
            has_failed = record.status is JobExecutionStatus.FAILED
            added = Count(
                started_at=record.start_time,
                attempts=int(is_main),
                failures=int(is_main and has_failed),
                faults=int(has_faulted(row.action_name, step)),
            )
            self._store.timings.count(tx, job.id, added)

    def _end_of(
        self, tx: Transaction, job: RunningJob, row: StoredExecution, step: End, now: datetime
    ) -> list[CloudEvent]:
        """Let the job go on without the execution, or end with it when that was its last."""
        active = None if job.active == row.id else job.active
        left = replace(job, active=active, outstanding=job.outstanding - 1)
        self._store.timings.update(tx, left)
        if left.outstanding > 0 or left.timing.next_occurrence is not None:
            return []
        events = []
        if job.open_skip is not None:
            events.append(self._skips.close(tx, job.open_skip, path=row.path, now=now))
        trigger = (
            JobTrigger.LAST_OCCURRENCE_SUCCEEDED
            if step.is_success
            else JobTrigger.LAST_OCCURRENCE_FAILED
        )
        state = next_state(job.state, trigger, job=row.path.job)
        self._store.timings.end(tx, job.id, state=state, now=now)
        return [*events, self._ended(tx, job, row, state, now)]

    def _ended(
        self, tx: Transaction, job: RunningJob, row: StoredExecution, state: JobState, now: datetime
    ) -> CloudEvent:
        stored = self._store.jobs.find(tx.connection, job.job_collection_id, row.path.job)
        assert stored is not None, "it was there in this transaction"
        kind = EventType.JOB_COMPLETED if state is JobState.COMPLETED else EventType.JOB_FAULTED
        return job_event(kind, row.path, document=answered(stored), cause=row.id, at=now)


def record_of(report: Report, job: RunningJob | None) -> JobHistory:
    assignment = report.assignment
    row, outcome = assignment.row, report.outcome
    return JobHistory(
        job_id=row.path.job,
        timestamp=assignment.started_at,
        start_time=assignment.started_at,
        end_time=report.ended_at,
        state=(job or assignment.job).state,
        message=outcome.message,
        status=(JobExecutionStatus.COMPLETED if outcome.is_success else JobExecutionStatus.FAILED),
        action_name=row.action_name,
        repeat_count=row.repeat_count or 1,
        retry_count=row.retry_count,
    )
