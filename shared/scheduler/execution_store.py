"""The ports to what the engine stores: when jobs run, their executions, history and skipped occurrences.

All are plain functions of a transaction, since one transaction changes several and wakes what follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from shared.scheduler.announcements import JobPath, SkipReason
from shared.scheduler.lifecycle import ExecutionState
from shared.scheduler.timing import Timing
from shared.sql.database import Transaction
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState

BY_SCHEDULE = "schedule"
"""The origin of an execution that the job's own timing asked for; otherwise it is the id of the request that did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueJob:
    """A job with an occurrence to claim; `definition` is there when it was never planned (generation 0)."""

    id: int
    path: JobPath
    timing: Timing
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
class StoredExecution:
    """An execution that has not ended; `repeat_count` and `started_at` are absent before its first start."""

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
class RunningJob:
    """What an execution needs to know of its job; `active` is the scheduled one that has started and not ended."""

    id: int
    job_collection_id: int
    state: JobState
    definition: str = field(repr=False)
    service_definition: str
    timing: Timing
    counted_from: int
    outstanding: int
    active: str | None
    open_skip: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one record adds to a job's counters."""

    started_at: datetime
    attempts: int
    failures: int
    faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Consecutive occurrences that were skipped, the first and the last."""

    reason: SkipReason
    first: datetime
    last: datetime


class TimingStore(Protocol):
    """When each job runs."""

    def define(self, tx: Transaction, job_id: int, timing: Timing, *, resets: bool) -> None:
        """Give the job this timing in a new generation, with nothing outstanding; `resets` its counters too."""

    def due(self, tx: Transaction, *, until: datetime, limit: int) -> Sequence[DueJob]:
        """Return the jobs whose next occurrence is not after `until`, earliest first."""

    def earliest(self, tx: Transaction) -> datetime | None:
        """Return the earliest next occurrence of all jobs."""

    def advance(self, tx: Transaction, claims: Sequence[tuple[int, Timing]]) -> None:
        """Set next occurrence and claimed count of each job, and count one more outstanding."""

    def get(self, connection: Connection, job_id: int) -> RunningJob | None:
        """Return the job, None when it is gone."""

    def update(self, tx: Transaction, job: RunningJob) -> None:
        """Set next occurrence, claimed, outstanding, active and open_skip as in `job`."""

    def begin(self, tx: Transaction, job: RunningJob) -> int:
        """Set next occurrence, active and open_skip as in `job`, for an execution that starts; returns the how manieth
        it is since the last PUT, from 1."""

    def count(self, tx: Transaction, job_id: int, added: Count) -> None:
        """Add to the counters."""

    def end(self, tx: Transaction, job_id: int, *, state: JobState, now: datetime) -> None:
        """Put the job into its final state: no occurrence is left, and it is removed some time after `now`."""


class ExecutionStore(Protocol):
    """Claimed occurrences, each a row of work on the queue `executions`."""

    def claim(self, tx: Transaction, rows: Sequence[NewExecution], *, now: datetime) -> None:
        """Insert executions, each due at its occurrence, and wake them; one for job, generation, origin, occurrence."""

    def find(self, connection: Connection, id: str) -> StoredExecution | None:
        """Return the execution unless it has ended or never was."""

    def of_job(self, connection: Connection, job_id: int) -> Sequence[StoredExecution]:
        """Return every execution of the job that has not ended, oldest occurrence first."""

    def start(self, tx: Transaction, wake_up: WakeUp, *, now: datetime) -> Lease | NotYet | Nothing:
        """Take the lease; see WorkRows.start."""

    def hold_back(
        self, tx: Transaction, wake_up: WakeUp, *, until: datetime, now: datetime
    ) -> None:
        """Make an execution that is due, and not leased, due again at `until`."""

    def mark_started(self, tx: Transaction, id: str, *, repeat_count: int, now: datetime) -> None:
        """Write down that an attempt runs."""

    def go_on(
        self,
        tx: Transaction,
        lease: Lease,
        row: StoredExecution,
        *,
        due_at: datetime,
        now: datetime,
    ) -> None:
        """End the lease; state, action, retry count and recorded tries are those of `row` from now on, due at `due_at`.

        Raises:
            LeaseLostError: the lease is not ours any more.
        """

    def end(
        self, tx: Transaction, id: str, *, lease: Lease | None, state: ExecutionState, now: datetime
    ) -> None:
        """End the execution in a final state; its holder gives its lease.

        Raises:
            LeaseLostError: the lease is not ours any more.
        """


class HistoryStore(Protocol):
    """One record for each attempt, and the ranges of occurrences that were skipped."""

    def insert(
        self, tx: Transaction, job_id: int, record: JobHistory, *, execution: StoredExecution
    ) -> None:
        """Add a record."""

    def list(
        self,
        connection: Connection,
        job_id: int,
        *,
        status: JobExecutionStatus | None,
        state: JobState | None,
        skip: int,
        top: int,
    ) -> Sequence[JobHistory]:
        """Return up to `top` records after the first `skip`, newest first."""

    def trim(self, tx: Transaction, job_id: int, *, keep: int) -> None:
        """Drop all but the newest `keep` records of a job."""

    def skip(self, tx: Transaction, job_id: int, skipped: Range, *, is_open: bool) -> int:
        """Add a range and return its id, which is never given again."""

    def extend_skip(self, tx: Transaction, id: int, *, last: datetime) -> None:
        """Let an open range reach to `last`."""

    def close_skip(self, tx: Transaction, id: int) -> Range:
        """Close an open range and return it."""

    def prune(self, tx: Transaction, *, before: datetime, limit: int) -> int:
        """Drop what ended before that instant: records, executions, ranges, jobs in a final state; returns how many."""
