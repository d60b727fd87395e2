"""What a change of a job means for its occurrences: planned anew, withdrawn, asked for at once.

A change raises the job's generation. Executions that were claimed before and have not started end skipped
(`superseded`); those that wait for a retry end failed with what they last recorded; one that runs ends when its attempt
does. What somebody asked for (RunJob) is withdrawn by deletion alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.events.cloudevent import CloudEvent
from shared.scheduler.announcements import JobPath, SkipReason, ToldExecution, execution_event
from shared.scheduler.execution_store import NewExecution, Range, StoredExecution
from shared.scheduler.lifecycle import (
    EXECUTION_TRANSITIONS,
    ExecutionState,
    ExecutionTrigger,
    JobTrigger,
    next_state,
)
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.skips import Skips
from shared.scheduler.store import SchedulerStore, StoredJob
from shared.scheduler.timing import Timing, timing_of
from shared.sql.database import Transaction
from shared.wire.job import Job, JobState
from shared.wire.json_types import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The job that a change is about, as it was read since it is locked, and when it was changed."""

    job: StoredJob
    path: JobPath
    now: datetime


class Planner:
    """Used in the transaction of the change; writes what follows from it and tells of it."""

    def __init__(
        self,
        store: SchedulerStore,
        outgoing: Outgoing,
        *,
        new_id: Callable[[], str],
        run_now_delay: timedelta,
    ) -> None:
        self._store = store
        self._skips = Skips(store.history)
        self._outgoing = outgoing
        self._new_id = new_id
        self._run_now_delay = run_now_delay

    def define(
        self, tx: Transaction, planned: Planned, definition: Job, *, resets: bool
    ) -> datetime | None:
        """Plan an enabled job from its definition and return its next occurrence; `resets` its counters (PUT).

        None when that leaves it without any: it is completed.
        """
        timing = timing_of(definition, now=planned.now, run_now_delay=self._run_now_delay)
        timing = self._define(tx, planned, timing, resets=resets)
        if timing.next_occurrence is None:
            state = next_state(
                JobState.ENABLED, JobTrigger.NO_OCCURRENCE_LEFT, job=planned.path.job
            )
            self._store.timings.end(tx, planned.job.id, state=state, now=planned.now)
        return timing.next_occurrence

    def stop(self, tx: Transaction, planned: Planned, *, resets: bool) -> None:
        """Leave a job that is disabled without occurrences."""
        self._define(tx, planned, Timing(), resets=resets)

    def give_up(self, tx: Transaction, planned: Planned) -> None:
        """Put a job that cannot be planned into its final state; an attempt under way ends as part of it no more."""
        state = next_state(JobState.ENABLED, JobTrigger.CANNOT_BE_PLANNED, job=planned.path.job)
        self._withdraw_scheduled(tx, planned)
        self._store.timings.define(tx, planned.job.id, Timing(), resets=False)
        self._store.timings.end(tx, planned.job.id, state=state, now=planned.now)

    def forget(self, tx: Transaction, planned: Planned) -> None:
        """Withdraw everything of a job that is deleted in this transaction."""
        self._withdraw(tx, planned, self._unended(tx, planned))

    def run_now(self, tx: Transaction, planned: Planned, *, origin: str) -> None:
        """Claim an execution that `origin` asked for, due at once; the job's own occurrences stay as they are."""
        execution = NewExecution(
            id=self._new_id(),
            job_id=planned.job.id,
            generation=planned.job.generation,
            origin=origin,
            occurrence=planned.now,
            path=planned.path,
        )
        self._store.executions.claim(tx, [execution], now=planned.now)

    def _define(self, tx: Transaction, planned: Planned, timing: Timing, *, resets: bool) -> Timing:
        skipped = self._withdraw_scheduled(tx, planned)
        if not resets:
            # What is skipped is not counted.
            timing = replace(timing, claimed=planned.job.claimed - skipped)
        if timing.has_used_its_count:
            timing = replace(timing, next_occurrence=None)
        self._store.timings.define(tx, planned.job.id, timing, resets=resets)
        return timing

    def _withdraw_scheduled(self, tx: Transaction, planned: Planned) -> int:
        unended = self._unended(tx, planned)
        return self._withdraw(tx, planned, [row for row in unended if row.is_scheduled])

    def _unended(self, tx: Transaction, planned: Planned) -> Sequence[StoredExecution]:
        if not planned.job.has_executions:
            return ()
        return self._store.executions.of_job(tx.connection, planned.job.id)

    def _withdraw(self, tx: Transaction, planned: Planned, rows: Sequence[StoredExecution]) -> int:
        """End what has not ended and does not run; returns how many were skipped."""
        events: list[CloudEvent] = []
        skipped: list[StoredExecution] = []
        for row in rows:
            state = EXECUTION_TRANSITIONS[row.state, ExecutionTrigger.WITHDRAW]
            if state is ExecutionState.RUNNING:
                continue
            self._store.executions.withdraw(tx, row.id, state=state, now=planned.now)
            if state is ExecutionState.SKIPPED:
                skipped.append(row)
            else:
                events.append(cut_short(self._store, tx, row, at=planned.now))
        if skipped:
            events.append(self._skip(tx, planned, skipped))
        open_skip = planned.job.open_skip
        if open_skip is not None:
            events.append(self._skips.close(tx, open_skip, path=planned.path, now=planned.now))
        if events:
            self._outgoing.insert(tx, events)
        return len(skipped)

    def _skip(
        self, tx: Transaction, planned: Planned, rows: Sequence[StoredExecution]
    ) -> CloudEvent:
        skipped = Range(
            reason=SkipReason.SUPERSEDED, first=rows[0].occurrence, last=rows[-1].occurrence
        )
        return self._skips.add(
            tx, skipped, job_id=planned.job.id, path=planned.path, now=planned.now
        )


def cut_short(
    store: SchedulerStore, tx: Transaction, row: StoredExecution, *, at: datetime
) -> CloudEvent:
    """Return what tells that an execution ends failed, between two attempts, with what it last recorded."""
    last = store.history.last(tx.connection, row) if row.recorded else None
    document = last.document() if last is not None else None
    return end_event(row, attempts=row.recorded, last=document, at=at)


def end_event(
    row: StoredExecution,
    *,
    attempts: int,
    last: JsonObject | None,
    is_success: bool = False,
    at: datetime,
) -> CloudEvent:
    """Return what tells that an execution ended after so many recorded attempts."""
    return execution_event(
        row.path,
        told_execution(row),
        attempts=attempts,
        is_success=is_success,
        last=last,
        at=at,
    )


def told_execution(row: StoredExecution) -> ToldExecution:
    return ToldExecution(id=row.id, origin=row.origin, expected_time=row.occurrence)
