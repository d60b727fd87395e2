"""The last transaction of an attempt: its record, the counters, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from pydantic_core import from_json

from shared.events.cloudevent import CloudEvent
from shared.scheduler.action import Outcome
from shared.scheduler.announcements import attempt_event
from shared.scheduler.ending import Endings, is_current, is_of_schedule
from shared.scheduler.execution_store import (
    Count,
    Following,
    NewRecord,
    Progress,
    StoredExecution,
)
from shared.scheduler.lifecycle import EXECUTION_TRANSITIONS, ExecutionState, ExecutionTrigger
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import end_event, told_execution
from shared.scheduler.polling import polled
from shared.scheduler.quota import allowance_of
from shared.scheduler.retry import (
    End,
    NextStep,
    Retries,
    Retry,
    RunErrorAction,
    default_of_plan,
    has_faulted,
    next_step,
    retries_of,
)
from shared.scheduler.starting import Assignment
from shared.scheduler.store import SchedulerStore
from shared.sql.database import Transaction
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory
from shared.wire.json_types import JsonObject

WAITING = EXECUTION_TRANSITIONS[ExecutionState.RUNNING, ExecutionTrigger.GO_ON]
SUCCEEDED = EXECUTION_TRANSITIONS[ExecutionState.RUNNING, ExecutionTrigger.SUCCEED]
FAILED = EXECUTION_TRANSITIONS[ExecutionState.RUNNING, ExecutionTrigger.FAIL]
KEPT_RECORDS = 1000
TRIMMED_EVERY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An attempt that is over, or that its target has accepted."""

    assignment: Assignment
    outcome: Outcome
    ended_at: datetime


class Recorder:
    """Writes down attempts; `retries` are those of a job without a policy of its own."""

    def __init__(self, store: SchedulerStore, outgoing: Outgoing, *, retries: Retries) -> None:
        self._store = store
        self._endings = Endings(store)
        self._outgoing = outgoing
        self._retries = retries

    def record(self, tx: Transaction, reports: Sequence[Report]) -> Sequence[None]:
        """Write down each attempt; the work of one grouped transaction.

        Raises:
            LeaseLostError: the attempt is somebody else's by now.
        """
        self._store.locks.of_executions(tx, [report.assignment.row.id for report in reports])
        records: list[NewRecord] = []
        events: list[CloudEvent] = []
        for report in reports:
            self._record(tx, report, records, events)
        if records:
            self._keep(tx, records)
        self._outgoing.insert(tx, events)
        return [None] * len(reports)

    def _record(
        self,
        tx: Transaction,
        report: Report,
        records: list[NewRecord],
        events: list[CloudEvent],
    ) -> None:
        assignment, at = report.assignment, report.ended_at
        row = assignment.row
        job = self._store.progress.get(tx.connection, row.job_id)
        poll = report.outcome.poll
        if poll is not None and job is not None and is_current(row, job):
            self._store.executions.record(tx, assignment.lease, polled(row, poll, now=at), now=at)
            return
        step = self._step(report, job)
        following = following_of(row, step, now=at)
        self._store.executions.record(tx, assignment.lease, following, now=at)
        history = record_of(report, job)
        document = history.document()
        events.append(attempt_event(row.path, told_execution(row), record=document, at=at))
        if job is not None:
            records.append(NewRecord(execution=row, history=history))
            self._count(tx, job, row, history, step)
        if isinstance(step, End):
            ended = end_event(
                row,
                attempts=following.recorded,
                last=document,
                is_success=step.is_success,
                at=at,
            )
            events.append(ended)
            if job is not None:
                events += self._endings.end_job(
                    tx,
                    job,
                    row,
                    job_collection_id=assignment.job.job_collection_id,
                    is_success=step.is_success,
                    now=at,
                )

    def _step(self, report: Report, job: Progress | None) -> NextStep:
        row, succeeded = report.assignment.row, report.outcome.is_success
        if succeeded or job is None or not is_current(row, job):
            is_main = row.action_name is ActionName.MAIN_ACTION
            return End(is_success=succeeded and is_main)
        action: JsonObject = from_json(report.assignment.job.definition)["action"]
        policy = action.get("retryPolicy")
        plan = allowance_of(report.assignment.job.collection_definition)
        default = default_of_plan(self._retries, min_interval=plan.min_retry_interval)
        return next_step(
            action_name=row.action_name,
            retry_count=row.retry_count,
            succeeded=False,
            retries=retries_of(policy if isinstance(policy, dict) else None, default=default),
            has_error_action="errorAction" in action,
        )

    def _count(
        self,
        tx: Transaction,
        job: Progress,
        row: StoredExecution,
        history: JobHistory,
        step: NextStep,
    ) -> None:
        added = Count(started_at=None)
        if row.generation >= job.counted_from:
            is_main = row.action_name is ActionName.MAIN_ACTION
            has_failed = history.status is JobExecutionStatus.FAILED
            # What was cut short by a change of the job has not used up its retries.
            has_given_up = has_faulted(row.action_name, step) and is_current(row, job)
            added = Count(
                started_at=history.start_time,
                attempts=int(is_main),
                failures=int(is_main and has_failed),
                faults=int(has_given_up),
            )
        has_ended = isinstance(step, End) and is_of_schedule(row, job)
        self._store.progress.settle(tx, job.job_id, added, ended=row.id if has_ended else None)

    def _keep(self, tx: Transaction, records: Sequence[NewRecord]) -> None:
        self._store.history.insert(tx, records)
        for record in records:
            is_first = record.execution.recorded == 0
            if is_first and record.history.repeat_count % TRIMMED_EVERY == 0:
                self._store.history.trim(tx, record.execution.job_id, keep=KEPT_RECORDS)


def following_of(row: StoredExecution, step: NextStep, *, now: datetime) -> Following:
    """Return how the execution goes on when one more attempt of it is recorded."""
    action_name, retry_count, due_at = row.action_name, row.retry_count, None
    match step:
        case Retry():
            state, retry_count, due_at = WAITING, retry_count + 1, now + step.after
        case RunErrorAction():
            state, action_name, retry_count, due_at = WAITING, ActionName.ERROR_ACTION, 0, now
        case End():
            state = SUCCEEDED if step.is_success else FAILED
        case _ as never:
            assert_never(never)
    return Following(
        state=state,
        action_name=action_name,
        retry_count=retry_count,
        recorded=row.recorded + 1,
        due_at=due_at,
    )


def record_of(report: Report, job: Progress | None) -> JobHistory:
    assignment = report.assignment
    row, outcome = assignment.row, report.outcome
    # Every value is of its type already: it comes from our own rows.
    return JobHistory.model_construct(
        job_id=row.path.job,
        timestamp=assignment.started_at,
        start_time=assignment.started_at,
        end_time=report.ended_at,
        state=(job or assignment.job).state,
        message=outcome.message,
        status=(JobExecutionStatus.COMPLETED if outcome.is_success else JobExecutionStatus.FAILED),
        action_name=row.action_name,
        repeat_count=assignment.repeat_count,
        retry_count=row.retry_count,
    )
