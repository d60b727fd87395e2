"""The first transaction of an attempt: the lease, what is to be done, and that it has begun."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic_core import from_json

from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from shared.scheduler.action import host_of, target_host
from shared.scheduler.ending import Endings, is_current, is_of_schedule
from shared.scheduler.execution_store import Count, RunningJob, StoredExecution
from shared.scheduler.lifecycle import EXECUTION_TRANSITIONS, ExecutionTrigger
from shared.scheduler.limits import Limits, Reservation
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import cut_short
from shared.scheduler.skips import Skips
from shared.scheduler.store import SchedulerStore
from shared.scheduler.timing import Timing, after_skip, after_start
from shared.sql.database import Transaction
from shared.wire.job import ActionName
from shared.wire.json_types import JsonObject

MAX_LOST = 3
"""So often an attempt is repeated whose lease ended without a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A wake-up to be followed; the reservation is given back by whoever made it."""

    wake_up: WakeUp
    reservation: Reservation
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """An attempt that has begun; `is_lost` when too many before it left no record, so that it is not made."""

    lease: Lease
    row: StoredExecution
    job: RunningJob
    action: JsonObject = field(repr=False)
    repeat_count: int
    started_at: datetime
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """The execution ended without an attempt."""


Started = Assignment | Dropped


class Starter:
    """Decides what a wake-up of an execution leads to."""

    def __init__(self, store: SchedulerStore, outgoing: Outgoing, limits: Limits) -> None:
        self._limits = limits
        self._store = store
        self._skips = Skips(store.history)
        self._endings = Endings(store)
        self._outgoing = outgoing

    def reservation(self) -> Reservation:
        """Return what `start` takes a place with; whoever asked for it releases it after the attempt."""
        return self._limits.reservation()

    def start(self, tx: Transaction, items: Sequence[Start]) -> list[Started | NotYet | Nothing]:
        """Follow each wake-up; the work of one grouped transaction."""
        self._store.locks.of_executions(tx, [item.wake_up.id for item in items])
        return [self._start(tx, item) for item in items]

    def _start(self, tx: Transaction, item: Start) -> Started | NotYet | Nothing:
        found = self._store.executions.find(tx.connection, item.wake_up.id)
        if found is None:
            return Nothing()
        row, job = found
        if not row.can_start(item.wake_up.attempt, now=item.now):
            waits = self._store.executions.start(
                tx, item.wake_up, repeat_count=row.repeat_count, now=item.now
            )
            assert not isinstance(waits, Lease), "the row was read in this transaction"
            return waits
        action = action_of(row, job) if job is not None and is_current(row, job) else None
        if job is None or action is None:
            return self._drop(tx, row, job, now=item.now)
        if is_overlapping(row, job):
            return self._skip(tx, row, job, now=item.now)
        # A transaction may run twice; a reservation counts once, and its maker gives it back in any case.
        until = item.reservation.take(
            host=target_host(row.polling.uri) if row.polling else host_of(action),
            job_collection_id=job.job_collection_id,
            now=item.now,
        )
        if until is not None:
            self._store.executions.hold_back(tx, item.wake_up, until=until, now=item.now)
            return Nothing()
        return self._begin(tx, item, row, job, action)

    def _begin(
        self,
        tx: Transaction,
        item: Start,
        row: StoredExecution,
        job: RunningJob,
        action: JsonObject,
    ) -> Assignment:
        repeat_count = row.repeat_count
        if repeat_count is None:
            repeat_count = self._begin_first(tx, row, job, now=item.now)
        lease = self._store.executions.start(
            tx, item.wake_up, repeat_count=repeat_count, now=item.now
        )
        assert isinstance(lease, Lease), "the row was read in this transaction"
        is_lost = lease.unrecorded > MAX_LOST + 1
        goes_on = is_lost or row.polling is not None
        return Assignment(
            lease=lease,
            row=row,
            job=job,
            action=action,
            repeat_count=repeat_count,
            started_at=row.started_at if goes_on and row.started_at else item.now,
            is_lost=is_lost,
        )

    def _begin_first(
        self, tx: Transaction, row: StoredExecution, job: RunningJob, *, now: datetime
    ) -> int:
        if row.is_scheduled:
            if job.open_skip is not None:
                closed = self._skips.close(tx, job.open_skip, path=row.path, now=now)
                self._outgoing.insert(tx, [closed])
            if job.drifts:
                self._set_next(tx, job, lambda timing: after_start(timing, started_at=now))
        active = row.id if row.is_scheduled else None
        return self._store.progress.begin(tx, job.job_id, active=active)

    def _skip(
        self, tx: Transaction, row: StoredExecution, job: RunningJob, *, now: datetime
    ) -> Dropped:
        """An earlier execution of the job has not ended: this occurrence is left out and not counted."""
        # What was claimed ahead may even have ended already.
        latest = self._store.executions.latest(tx.connection, job.job_id, generation=row.generation)
        assert latest is not None, "this one was claimed"
        state = EXECUTION_TRANSITIONS[row.state, ExecutionTrigger.OVERLAP]
        self._store.executions.withdraw(tx, row.id, state=state, now=now)
        range_id, event = self._skips.overlap(
            tx, row.occurrence, job_id=job.job_id, range_id=job.open_skip, path=row.path, now=now
        )
        self._store.progress.skip(tx, job.job_id, open_skip=range_id)
        self._set_next(tx, job, lambda timing: after_skip(timing, latest=latest, now=now))
        if event is not None:
            self._outgoing.insert(tx, [event])
        return Dropped()

    def _set_next(
        self, tx: Transaction, job: RunningJob, change: Callable[[Timing], Timing]
    ) -> None:
        timing = self._store.timings.get(tx.connection, job.job_id)
        assert timing is not None, "the job was found in this transaction"
        self._store.timings.set_next(tx, job.job_id, change(timing))

    def _drop(
        self, tx: Transaction, row: StoredExecution, job: RunningJob | None, *, now: datetime
    ) -> Dropped:
        """Nothing is to be done any more.

        The job is gone or was planned anew while an attempt ran that left no record, or its error action was taken away
        before it ran.
        """
        events = [cut_short(self._store, tx, row, at=now)]
        state = EXECUTION_TRANSITIONS[row.state, ExecutionTrigger.FAIL]
        self._store.executions.withdraw(tx, row.id, state=state, now=now)
        if job is not None and is_of_schedule(row, job):
            self._store.progress.settle(tx, job.job_id, Count(started_at=None), ended=row.id)
            events += self._endings.end_job(
                tx, job, row, job_collection_id=job.job_collection_id, is_success=False, now=now
            )
        self._outgoing.insert(tx, events)
        return Dropped()


def is_overlapping(row: StoredExecution, job: RunningJob) -> bool:
    return row.is_scheduled and row.repeat_count is None and job.active is not None


def action_of(row: StoredExecution, job: RunningJob) -> JsonObject | None:
    """Return what the attempt is to do, secrets sealed; None for an error action that was taken away meanwhile."""
    action: JsonObject = from_json(job.definition)["action"]
    if row.action_name is ActionName.MAIN_ACTION:
        return action
    error_action = action.get("errorAction")
    return error_action if isinstance(error_action, dict) else None
