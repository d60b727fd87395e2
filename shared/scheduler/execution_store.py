"""The ports to what the engine stores: when jobs run, their executions, history and skipped occurrences.

All are plain functions of a transaction, since one transaction changes several and wakes what follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from shared.scheduler.announcements import BY_SCHEDULE, JobPath, SkipReason
from shared.scheduler.lifecycle import ExecutionState
from shared.scheduler.timing import Claim, Timing
from shared.sql.database import Transaction
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class DueJob:
    """A job with an occurrence to claim; `definition` is there when it was never planned (generation 0).

    `timing` reads it, and raises where this version cannot: that is one job's fault and not that of all who are due.
    """

    id: int
    job_collection_id: int
    path: JobPath
    generation: int
    timing: Callable[[], Timing] = field(repr=False)
    definition: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """An occurrence that is claimed; due when it is."""

    id: str
    job_id: int
    generation: int
    origin: str
    occurrence: datetime
    path: JobPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """An attempt that its target has accepted: where to ask for it, and since when."""

    uri: str = field(repr=False)
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExecution:
    """An execution that has not ended; `repeat_count` and `started_at` are absent before its first start.

    While it is `polling`, `started_at` is when the attempt began that was accepted.
    """

    id: str
    job_id: int
    generation: int
    origin: str
    occurrence: datetime
    path: JobPath
    state: ExecutionState
    action_name: ActionName
    retry_count: int
    recorded: int
    repeat_count: int | None
    started_at: datetime | None
    attempt: int
    due_at: datetime | None
    leased_until: datetime | None
    polling: Polling | None = None

    @property
    def is_scheduled(self) -> bool:
        return self.origin == BY_SCHEDULE

    def is_leased(self, *, now: datetime) -> bool:
        return self.leased_until is not None and self.leased_until > now

    def can_start(self, attempt: int, *, now: datetime) -> bool:
        """Whether a wake-up for `attempt` would get the lease now."""
        is_due = self.due_at is not None and self.due_at <= now
        return is_due and self.attempt == attempt and not self.is_leased(now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is.

    `generation` is the one that is planned, and the counters belong to those from `counted_from` on. `outstanding` are
    scheduled executions of this generation that have not ended, and `active` is the one of them that has started.
    """

    job_id: int
    state: JobState
    generation: int
    counted_from: int
    has_next: bool
    outstanding: int
    active: str | None
    open_skip: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob(Progress):
    """What an attempt needs to know of its job besides; the other definitions are those of what it is in."""

    job_collection_id: int
    definition: str = field(repr=False)
    collection_definition: str
    service_definition: str
    drifts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How an execution goes on after a record or a poll; without `due_at` it has ended, in a final state."""

    state: ExecutionState
    action_name: ActionName
    retry_count: int
    recorded: int
    due_at: datetime | None = None
    polling: Polling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one record adds to a job's counters; without an instant it counts for nothing."""

    started_at: datetime | None
    attempts: int = 0
    failures: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Consecutive occurrences that were skipped, the first and the last."""

    reason: SkipReason
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """The record of an attempt of `execution`."""

    execution: StoredExecution
    history: JobHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as it is kept: `id` grows with every one and is never given again, `occurrence` is what was due."""

    id: int
    occurrence: datetime
    history: JobHistory


class TimingStore(Protocol):
    """When each job runs."""

    def define(self, tx: Transaction, job_id: int, timing: Timing, *, resets: bool) -> None:
        """Give the job this timing in a new generation, with nothing outstanding; `resets` its counters too."""

    def get(self, connection: Connection, job_id: int) -> Timing | None:
        """Return the timing, None of a job that was never planned or is gone."""

    def due(self, tx: Transaction, *, until: datetime, limit: int) -> Sequence[DueJob]:
        """Lock and return the jobs whose next occurrence is not after `until`, earliest first.

        Jobs that another transaction has locked are left to it.
        """

    def earliest(self, tx: Transaction) -> datetime | None:
        """Return the earliest next occurrence of all jobs."""

    def advance(self, tx: Transaction, claims: Sequence[tuple[int, Claim]]) -> None:
        """Set next occurrence and claimed count of each job, and count one more outstanding."""

    def set_next(self, tx: Transaction, job_id: int, timing: Timing) -> None:
        """Set next occurrence and claimed count."""

    def end(self, tx: Transaction, job_id: int, *, state: JobState, now: datetime) -> None:
        """Put the job into its final state: no occurrence is left, and it is removed some time after `now`."""


class JobLocks(Protocol):
    """Has every other transaction about a job wait until this one ends.

    Whoever decides by what is stored of a job locks it first and reads then. A job that is gone needs no lock.
    """

    def of_executions(self, tx: Transaction, ids: Sequence[str]) -> None:
        """Lock the jobs of these executions."""

    def of_jobs(self, tx: Transaction, ids: Sequence[int]) -> None:
        """Lock these jobs."""

    def at(self, tx: Transaction, path: JobPath) -> None:
        """Lock the job of these names."""

    def following(self, tx: Transaction, job_collection_id: int, *, after: int, limit: int) -> None:
        """Lock the jobs that `JobStore.following` returns."""


class ProgressStore(Protocol):
    """How far each job is with its executions."""

    def get(self, connection: Connection, job_id: int) -> Progress | None:
        """Return the progress, None of a job that was never planned or is gone."""

    def begin(self, tx: Transaction, job_id: int, *, active: str | None) -> int:
        """Count one more started execution since the last PUT, and return which it is, from 1.

        A scheduled one is `active` from now on, and no range of skipped occurrences is open any more.
        """

    def skip(self, tx: Transaction, job_id: int, *, open_skip: int) -> None:
        """One outstanding execution ended as skipped, in this range."""

    def settle(self, tx: Transaction, job_id: int, added: Count, *, ended: str | None) -> None:
        """Add to the counters; when a scheduled execution has `ended`, it is outstanding and active no more."""


class ExecutionStore(Protocol):
    """Claimed occurrences, each a row of work on the queue `executions`."""

    def claim(self, tx: Transaction, rows: Sequence[NewExecution], *, now: datetime) -> None:
        """Insert executions, each due at its occurrence, and wake them; one for job, generation, origin, occurrence."""

    def find(
        self, connection: Connection, id: str
    ) -> tuple[StoredExecution, RunningJob | None] | None:
        """Return the execution with its job, None for a job that is gone; None when it has ended or never was."""

    def of_job(self, connection: Connection, job_id: int) -> Sequence[StoredExecution]:
        """Return every execution of the job that has not ended, oldest occurrence first."""

    def latest(self, connection: Connection, job_id: int, *, generation: int) -> datetime | None:
        """Return the latest occurrence that the job's schedule led to in that generation, ended or not."""

    def start(
        self, tx: Transaction, wake_up: WakeUp, *, repeat_count: int | None, now: datetime
    ) -> Lease | NotYet | Nothing:
        """Take the lease; see WorkRows.start. The execution has this number of its job's.

        It runs since `now`, unless it is polling.
        """

    def hold_back(
        self, tx: Transaction, wake_up: WakeUp, *, until: datetime, now: datetime
    ) -> None:
        """Make an execution that is due, and not leased, due again at `until`."""

    def record(self, tx: Transaction, lease: Lease, following: Following, *, now: datetime) -> None:
        """End the lease and write down how the execution goes on.

        Raises:
            LeaseLostError: the lease is not ours any more.
        """

    def withdraw(self, tx: Transaction, id: str, *, state: ExecutionState, now: datetime) -> None:
        """End an execution that nobody holds, in this state."""


class HistoryStore(Protocol):
    """One record for each attempt, and the ranges of occurrences that were skipped."""

    def insert(self, tx: Transaction, records: Sequence[NewRecord]) -> None:
        """Add records."""

    def list(
        self,
        connection: Connection,
        job_id: int,
        *,
        status: JobExecutionStatus | None,
        state: JobState | None,
        skip: int,
        top: int,
    ) -> Sequence[StoredRecord]:
        """Return up to `top` records after the first `skip`, newest first."""

    def last(self, connection: Connection, execution: StoredExecution) -> JobHistory | None:
        """Return the newest record of an execution."""

    def trim(self, tx: Transaction, job_id: int, *, keep: int) -> None:
        """Drop all but the newest `keep` records of a job."""

    def skip(self, tx: Transaction, job_id: int, skipped: Range, *, is_open: bool) -> int:
        """Add a range and return its id, which is never given again."""

    def extend_skip(self, tx: Transaction, id: int, *, occurrence: datetime) -> None:
        """Let an open range hold that occurrence too, wherever it lies."""

    def close_skip(self, tx: Transaction, id: int) -> Range:
        """Close an open range and return it."""

    def prune(self, tx: Transaction, *, before: datetime, limit: int) -> int:
        """Drop up to `limit` of what ended before that instant, of one kind: records first, then ranges, executions,
        and jobs in a final state, when no old record of theirs is left; returns how many, 0 when nothing is left."""
