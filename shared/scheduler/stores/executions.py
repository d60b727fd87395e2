"""Executions in SQL; statements first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from shared.clock import (
    from_microseconds,
    from_optional_microseconds,
    to_microseconds,
)
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet, WorkRows
from shared.messaging.work_table import Writes
from shared.scheduler.announcements import BY_SCHEDULE, JobPath
from shared.scheduler.execution_store import (
    Following,
    NewExecution,
    Polling,
    RunningJob,
    StoredExecution,
)
from shared.scheduler.lifecycle import ExecutionState
from shared.scheduler.stores.progress import PROGRESS, progress_of
from shared.scheduler.stores.tables import (
    cloud_service,
    execution,
    job,
    job_collection,
    job_timing,
)
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared
from shared.wire.job import ActionName

column = execution.c
this = column.id == bindparam("this_id")
NEW = (
    "id", "job_id", "generation", "origin", "occurrence", "subscription", "cloud_service",
    "job_collection", "job", "state", "action_name", "due_at", "sweep_at",
)  # fmt: skip
COLUMNS = (
    *(column[name] for name in NEW[:-2]),
    column.retry_count,
    column.recorded,
    column.repeat_count,
    column.started_at,
    column.lease_until,
    column.attempt,
    column.due_at,
    column.poll_uri,
    column.polled_since,
)

INSERT = Prepared(insert(execution).values({name: bindparam(name) for name in NEW}))
# The job may be gone. One outer join after another: SQLite materialises what is joined in parentheses.
with_job = (
    execution.outerjoin(job_timing, job_timing.c.job_id == column.job_id)
    .outerjoin(job, job.c.id == column.job_id)
    .outerjoin(job_collection, job_collection.c.id == job.c.job_collection_id)
    .outerjoin(cloud_service, cloud_service.c.id == job_collection.c.cloud_service_id)
)
FIND = Prepared(
    select(
        *COLUMNS,
        *PROGRESS,
        job.c.job_collection_id,
        job.c.definition.label("job_definition"),
        job_collection.c.definition.label("collection_definition"),
        cloud_service.c.definition.label("service_definition"),
        job_timing.c.drifts,
    )
    .select_from(with_job)
    .where(this, column.ended_at.is_(None))
    # What is read is what is started or ended; SQLite has one writer anyway.
    .with_for_update(of=execution)
)
OF_JOB = Prepared(
    select(*COLUMNS)
    .where(column.job_id == bindparam("of_job"), column.ended_at.is_(None))
    .order_by(column.occurrence)
)
LATEST = Prepared(
    select(func.max(column.occurrence)).where(
        column.job_id == bindparam("of_job"),
        column.generation == bindparam("of_generation"),
        column.origin == BY_SCHEDULE,
    )
)
WITHDRAW = Prepared(
    update(execution)
    .where(this)
    .values(
        ended_at=bindparam("present"),
        state=bindparam("final_state"),
        poll_uri=None,
        polled_since=None,
    )
)
WRITES = Writes(
    at_start={
        "state": ExecutionState.RUNNING.value,
        "started_at": case(
            (column.poll_uri.is_(None), bindparam("present")), else_=column.started_at
        ),
        "repeat_count": bindparam("new_repeat_count"),
    },
    at_record={
        "state": bindparam("next_state"),
        "action_name": bindparam("next_action"),
        "retry_count": bindparam("next_retry"),
        "recorded": bindparam("new_recorded"),
        "ended_at": bindparam("ended"),
        "poll_uri": bindparam("next_poll_uri"),
        "polled_since": bindparam("next_polled_since"),
    },
)
STATES = {state.value: state for state in ExecutionState}
ACTIONS = {name.value: name for name in ActionName}


class SqlExecutions:
    """The port's adapter for SQLite and PostgreSQL."""

    def __init__(self, work: WorkRows) -> None:
        self._work = work

    def claim(self, tx: Transaction, rows: Sequence[NewExecution], *, now: datetime) -> None:
        due = self._work.first_of_many(tx, {row.id: row.occurrence for row in rows}, now=now)
        INSERT.execute_many(
            tx.connection,
            [
                {
                    "id": row.id,
                    "job_id": row.job_id,
                    "generation": row.generation,
                    "origin": row.origin,
                    "occurrence": to_microseconds(row.occurrence),
                    "subscription": row.path.subscription,
                    "cloud_service": row.path.cloud_service,
                    "job_collection": row.path.job_collection,
                    "job": row.path.job,
                    "state": ExecutionState.CLAIMED.value,
                    "action_name": ActionName.MAIN_ACTION.value,
                    **due[row.id],
                }
                for row in rows
            ],
        )

    def find(
        self, connection: Connection, id: str
    ) -> tuple[StoredExecution, RunningJob | None] | None:
        rows = FIND.rows(connection, this_id=id)
        return (to_execution(rows[0]), to_running_job(rows[0])) if rows else None

    def of_job(self, connection: Connection, job_id: int) -> Sequence[StoredExecution]:
        return [to_execution(row) for row in OF_JOB.rows(connection, of_job=job_id)]

    def latest(self, connection: Connection, job_id: int, *, generation: int) -> datetime | None:
        rows = LATEST.rows(connection, of_job=job_id, of_generation=generation)
        return from_optional_microseconds(rows[0][0])

    def start(
        self, tx: Transaction, wake_up: WakeUp, *, repeat_count: int | None, now: datetime
    ) -> Lease | NotYet | Nothing:
        values = {"new_repeat_count": repeat_count}
        return self._work.start(tx, wake_up, now=now, values=values)

    def hold_back(
        self, tx: Transaction, wake_up: WakeUp, *, until: datetime, now: datetime
    ) -> None:
        self._work.schedule(tx, wake_up.id, attempt=wake_up.attempt, due_at=until, now=now)

    def record(
        self,
        tx: Transaction,
        lease: Lease,
        following: Following,
        *,
        now: datetime,
    ) -> None:
        polling = following.polling
        values = {
            "next_state": following.state.value,
            "next_action": following.action_name.value,
            "next_retry": following.retry_count,
            "new_recorded": following.recorded,
            "ended": to_microseconds(now) if following.due_at is None else None,
            "next_poll_uri": polling.uri if polling else None,
            "next_polled_since": to_microseconds(polling.since) if polling else None,
        }
        self._work.record(tx, lease, due_at=following.due_at, now=now, values=values)

    def withdraw(self, tx: Transaction, id: str, *, state: ExecutionState, now: datetime) -> None:
        self._work.withdraw(tx, id)
        WITHDRAW.change(
            tx.connection, this_id=id, final_state=state.value, present=to_microseconds(now)
        )


def to_execution(row: Any) -> StoredExecution:
    return StoredExecution(
        id=row.id,
        job_id=row.job_id,
        generation=row.generation,
        origin=row.origin,
        occurrence=from_microseconds(row.occurrence),
        path=JobPath(
            subscription=row.subscription,
            cloud_service=row.cloud_service,
            job_collection=row.job_collection,
            job=row.job,
        ),
        state=STATES[row.state],
        action_name=ACTIONS[row.action_name],
        retry_count=row.retry_count,
        recorded=row.recorded,
        repeat_count=row.repeat_count,
        started_at=from_optional_microseconds(row.started_at),
        leased_until=from_optional_microseconds(row.lease_until),
        attempt=row.attempt,
        due_at=from_optional_microseconds(row.due_at),
        polling=(
            Polling(uri=row.poll_uri, since=from_microseconds(row.polled_since))
            if row.poll_uri is not None
            else None
        ),
    )


def to_running_job(row: Any) -> RunningJob | None:
    if row.timed_job is None:
        return None
    return RunningJob(
        **progress_of(row),
        job_collection_id=row.job_collection_id,
        definition=row.job_definition,
        collection_definition=row.collection_definition,
        service_definition=row.service_definition,
        drifts=bool(row.drifts),
    )
