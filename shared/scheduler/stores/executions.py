"""Executions in SQL; statements first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from shared.clock import (
    from_microseconds,
    from_optional_microseconds,
    to_microseconds,
)
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet, WorkRows
from shared.scheduler.announcements import JobPath
from shared.scheduler.execution_store import NewExecution, StoredExecution
from shared.scheduler.lifecycle import ExecutionState
from shared.scheduler.stores.tables import execution
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
)

INSERT = Prepared(insert(execution).values({name: bindparam(name) for name in NEW}))
FIND = Prepared(select(*COLUMNS).where(this, column.ended_at.is_(None)))
OF_JOB = Prepared(
    select(*COLUMNS)
    .where(column.job_id == bindparam("of_job"), column.ended_at.is_(None))
    .order_by(column.occurrence)
)
MARK_STARTED = Prepared(
    update(execution)
    .where(this)
    .values(
        state=ExecutionState.RUNNING.value,
        started_at=bindparam("present"),
        repeat_count=bindparam("new_repeat_count"),
    )
)
GO_ON = Prepared(
    update(execution)
    .where(this)
    .values(
        state=bindparam("next_state"),
        action_name=bindparam("next_action"),
        retry_count=bindparam("next_retry"),
        recorded=bindparam("new_recorded"),
    )
)
END = Prepared(
    update(execution)
    .where(this)
    .values(ended_at=bindparam("present"), state=bindparam("final_state"))
)


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

    def find(self, connection: Connection, id: str) -> StoredExecution | None:
        rows = FIND.rows(connection, this_id=id)
        return to_execution(rows[0]) if rows else None

    def of_job(self, connection: Connection, job_id: int) -> Sequence[StoredExecution]:
        return [to_execution(row) for row in OF_JOB.rows(connection, of_job=job_id)]

    def start(self, tx: Transaction, wake_up: WakeUp, *, now: datetime) -> Lease | NotYet | Nothing:
        return self._work.start(tx, wake_up, now=now)

    def hold_back(
        self, tx: Transaction, wake_up: WakeUp, *, until: datetime, now: datetime
    ) -> None:
        self._work.schedule(tx, wake_up.id, attempt=wake_up.attempt, due_at=until, now=now)

    def mark_started(self, tx: Transaction, id: str, *, repeat_count: int, now: datetime) -> None:
        MARK_STARTED.change(
            tx.connection,
            this_id=id,
            new_repeat_count=repeat_count,
            present=to_microseconds(now),
        )

    def go_on(
        self,
        tx: Transaction,
        lease: Lease,
        row: StoredExecution,
        *,
        due_at: datetime,
        now: datetime,
    ) -> None:
        self._work.record(tx, lease, due_at=due_at, now=now)
        GO_ON.change(
            tx.connection,
            this_id=row.id,
            next_state=row.state.value,
            next_action=row.action_name.value,
            next_retry=row.retry_count,
            new_recorded=row.recorded,
        )

    def end(
        self,
        tx: Transaction,
        id: str,
        *,
        lease: Lease | None,
        state: ExecutionState,
        now: datetime,
    ) -> None:
        if lease is None:
            self._work.withdraw(tx, id)
        else:
            self._work.record(tx, lease, due_at=None, now=now)
        END.change(tx.connection, this_id=id, final_state=state.value, present=to_microseconds(now))


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
        state=ExecutionState(row.state),
        action_name=ActionName(row.action_name),
        retry_count=row.retry_count,
        recorded=row.recorded,
        repeat_count=row.repeat_count,
        started_at=from_optional_microseconds(row.started_at),
        leased_until=from_optional_microseconds(row.lease_until),
        attempt=row.attempt,
        due_at=from_optional_microseconds(row.due_at),
    )
