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
from shared.scheduler.store import SchedulerStore
from shared.scheduler.timing import Timing, timing_of
from shared.sql.database import Transaction
from shared.wire.job import Job, JobState
from shared.wire.json_types import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The job that a change is about, and the request that made the change."""

    job_id: int
    path: JobPath
    request_id: str
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

    def define(self, tx: Transaction, job: Planned, definition: Job, *, resets: bool) -> bool:
        """Plan an enabled job from its definition; `resets` its counters (PUT).

        False when that leaves it without any occurrence: it is completed.
        """
        timing = timing_of(definition, now=job.now, run_now_delay=self._run_now_delay)
        timing = self._define(tx, job, timing, resets=resets)
        if timing.next_occurrence is None:
            state = next_state(JobState.ENABLED, JobTrigger.NO_OCCURRENCE_LEFT, job=job.path.job)
            self._store.timings.end(tx, job.job_id, state=state, now=job.now)
        return timing.next_occurrence is not None

    def stop(self, tx: Transaction, job: Planned, *, resets: bool) -> None:
        """Leave a job that is disabled without occurrences."""
        self._define(tx, job, Timing(), resets=resets)

    def give_up(self, tx: Transaction, job: Planned) -> None:
        """Put a job that cannot be planned into its final state; an attempt under way ends as part of it no more."""
        state = next_state(JobState.ENABLED, JobTrigger.CANNOT_BE_PLANNED, job=job.path.job)
        self._withdraw_scheduled(tx, job)
        self._store.timings.define(tx, job.job_id, Timing(), resets=False)
        self._store.timings.end(tx, job.job_id, state=state, now=job.now)

    def forget(self, tx: Transaction, job: Planned) -> None:
        """Withdraw everything of a job that is deleted in this transaction."""
        self._withdraw(tx, job, self._store.executions.of_job(tx.connection, job.job_id))

    def run_now(self, tx: Transaction, job: Planned, *, origin: str) -> None:
        """Claim an execution that `origin` asked for, due at once; the job's own occurrences stay as they are."""
        progress = self._store.progress.get(tx.connection, job.job_id)
        assert progress is not None, "every job that can be run was planned"
        execution = NewExecution(
            id=self._new_id(),
            job_id=job.job_id,
            generation=progress.generation,
            origin=origin,
            occurrence=job.now,
            path=job.path,
        )
        self._store.executions.claim(tx, [execution], now=job.now)

    def _define(self, tx: Transaction, job: Planned, timing: Timing, *, resets: bool) -> Timing:
        skipped = self._withdraw_scheduled(tx, job)
        present = self._store.timings.get(tx.connection, job.job_id)
        if present is not None and not resets:
            # What is skipped is not counted.
            timing = replace(timing, claimed=present.claimed - skipped)
        if timing.has_used_its_count:
            timing = replace(timing, next_occurrence=None)
        self._store.timings.define(tx, job.job_id, timing, resets=resets)
        return timing

    def _withdraw_scheduled(self, tx: Transaction, job: Planned) -> int:
        unended = self._store.executions.of_job(tx.connection, job.job_id)
        return self._withdraw(tx, job, [row for row in unended if row.is_scheduled])

    def _withdraw(self, tx: Transaction, job: Planned, rows: Sequence[StoredExecution]) -> int:
        """End what has not ended and does not run; returns how many were skipped."""
        events: list[CloudEvent] = []
        skipped: list[StoredExecution] = []
        for row in rows:
            state = EXECUTION_TRANSITIONS[row.state, ExecutionTrigger.WITHDRAW]
            if state is ExecutionState.RUNNING:
                continue
            self._store.executions.withdraw(tx, row.id, state=state, now=job.now)
            if state is ExecutionState.SKIPPED:
                skipped.append(row)
            else:
                events.append(cut_short(self._store, tx, row, at=job.now))
        if skipped:
            events.append(self._skip(tx, job, skipped))
        progress = self._store.progress.get(tx.connection, job.job_id)
        if progress is not None and progress.open_skip is not None:
            events.append(self._skips.close(tx, progress.open_skip, path=job.path, now=job.now))
        if events:
            self._outgoing.insert(tx, events)
        return len(skipped)

    def _skip(self, tx: Transaction, job: Planned, rows: Sequence[StoredExecution]) -> CloudEvent:
        skipped = Range(
            reason=SkipReason.SUPERSEDED, first=rows[0].occurrence, last=rows[-1].occurrence
        )
        return self._skips.add(tx, skipped, job_id=job.job_id, path=job.path, now=job.now)


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
