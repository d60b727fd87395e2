"""History and skipped occurrences in SQL; statements first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, insert, or_, select, update

from shared.clock import from_microseconds, to_microseconds
from shared.scheduler.announcements import SkipReason
from shared.scheduler.execution_store import NewRecord, Range, StoredExecution, StoredRecord
from shared.scheduler.stores.tables import execution, history, job, job_timing, skipped
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState

column = history.c
of_job = column.job_id == bindparam("of_job")
RECORD = (
    "job_id", "execution_id", "occurrence", "started_at", "ended_at", "state", "status",
    "action_name", "repeat_count", "retry_count", "message",
)  # fmt: skip


def wanted(name: str) -> Any:
    return or_(bindparam(name).is_(None), column[name] == bindparam(name))


INSERT = Prepared(insert(history).values({name: bindparam(name) for name in RECORD}))
LIST = Prepared(
    select(job.c.name, column.id, *(column[name] for name in RECORD))
    .select_from(history.join(job))
    .where(of_job, wanted("status"), wanted("state"))
    .order_by(column.id.desc())
    .limit(bindparam("at_most"))
    .offset(bindparam("after"))
)
LAST = Prepared(
    select(job.c.name, *(column[name] for name in RECORD))
    .select_from(history.join(job))
    .where(of_job, column.execution_id == bindparam("of_execution"))
    .order_by(column.id.desc())
    .limit(1)
)
oldest_kept = (
    select(column.id)
    .where(of_job)
    .order_by(column.id.desc())
    .limit(1)
    .offset(bindparam("kept"))
    .scalar_subquery()
)
TRIM = Prepared(delete(history).where(of_job, column.id <= oldest_kept))
INSERT_SKIP = Prepared(
    insert(skipped)
    .values({name: bindparam(name) for name in ("job_id", "reason", "first", "last", "is_open")})
    .returning(skipped.c.id)
)
this_skip = skipped.c.id == bindparam("this_id")
# Wake-ups that are late come in any order.
EXTEND_SKIP = Prepared(
    update(skipped)
    .where(this_skip)
    .values(
        first=case(
            (skipped.c.first > bindparam("skipped_at"), bindparam("skipped_at")),
            else_=skipped.c.first,
        ),
        last=case(
            (skipped.c.last < bindparam("skipped_at"), bindparam("skipped_at")),
            else_=skipped.c.last,
        ),
    )
)
CLOSE_SKIP = Prepared(
    update(skipped)
    .where(this_skip)
    .values(is_open=False)
    .returning(skipped.c.reason, skipped.c.first, skipped.c.last)
)


class SqlHistory:
    """The port's adapter for SQLite and PostgreSQL."""

    def insert(self, tx: Transaction, records: Sequence[NewRecord]) -> None:
        INSERT.execute_many(tx.connection, [to_row(record) for record in records])

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
        rows = LIST.rows(
            connection,
            of_job=job_id,
            status=status.value if status else None,
            state=state.value if state else None,
            at_most=top,
            after=skip,
        )
        return [to_stored(row) for row in rows]

    def last(self, connection: Connection, execution: StoredExecution) -> JobHistory | None:
        rows = LAST.rows(connection, of_job=execution.job_id, of_execution=execution.id)
        return to_record(rows[0]) if rows else None

    def trim(self, tx: Transaction, job_id: int, *, keep: int) -> None:
        TRIM.change(tx.connection, of_job=job_id, kept=keep)

    def skip(self, tx: Transaction, job_id: int, skipped: Range, *, is_open: bool) -> int:
        (inserted,) = INSERT_SKIP.rows(
            tx.connection,
            job_id=job_id,
            reason=skipped.reason.value,
            first=to_microseconds(skipped.first),
            last=to_microseconds(skipped.last),
            is_open=is_open,
        )
        return int(inserted.id)

    def extend_skip(self, tx: Transaction, id: int, *, occurrence: datetime) -> None:
        EXTEND_SKIP.change(tx.connection, this_id=id, skipped_at=to_microseconds(occurrence))

    def close_skip(self, tx: Transaction, id: int) -> Range:
        (row,) = CLOSE_SKIP.rows(tx.connection, this_id=id)
        return Range(
            reason=SkipReason(row.reason),
            first=from_microseconds(row.first),
            last=from_microseconds(row.last),
        )

    def prune(self, tx: Transaction, *, before: datetime, limit: int) -> int:
        for statement in PRUNE:
            pruned = statement.change(tx.connection, before=to_microseconds(before), at_most=limit)
            if pruned:
                return pruned
        return 0


def oldest_first(table: Any, ended_at: Any, *conditions: Any) -> Prepared:
    """Rows are in the order of their end, nearly, so looking at the oldest few is enough."""
    oldest = (
        select(table.c.id, ended_at.label("ended"))
        .where(*conditions)
        .order_by(table.c.id)
        .limit(bindparam("at_most"))
    )
    part = oldest.subquery()
    return Prepared(
        delete(table).where(
            table.c.id.in_(select(part.c.id).where(part.c.ended < bindparam("before")))
        )
    )


def by_end(table: Any, key: Any, ended_at: Any) -> Prepared:
    old = (
        select(key)
        .where(ended_at < bindparam("before"))
        .order_by(ended_at)
        .limit(bindparam("at_most"))
    )
    return Prepared(delete(table).where(table.c.id.in_(old)))


PRUNE = (
    oldest_first(history, column.ended_at),
    # Whoever opened a range will close it.
    oldest_first(skipped, skipped.c.last, ~skipped.c.is_open),
    by_end(execution, execution.c.id, execution.c.ended_at),
    by_end(job, job_timing.c.job_id, job_timing.c.ended_at),
)


def to_row(record: NewRecord) -> dict[str, Any]:
    execution, history = record.execution, record.history
    return {
        "job_id": execution.job_id,
        "execution_id": execution.id,
        "occurrence": to_microseconds(execution.occurrence),
        "started_at": to_microseconds(history.start_time),
        "ended_at": to_microseconds(history.end_time),
        "state": history.state.value,
        "status": history.status.value,
        "action_name": history.action_name.value,
        "repeat_count": history.repeat_count,
        "retry_count": history.retry_count,
        "message": history.message,
    }


def to_stored(row: Any) -> StoredRecord:
    occurrence = from_microseconds(row.occurrence)
    return StoredRecord(id=row.id, occurrence=occurrence, history=to_record(row))


def to_record(row: Any) -> JobHistory:
    started_at = from_microseconds(row.started_at)
    return JobHistory(
        job_id=row.name,
        timestamp=started_at,
        start_time=started_at,
        end_time=from_microseconds(row.ended_at),
        state=JobState(row.state),
        message=row.message,
        status=JobExecutionStatus(row.status),
        action_name=ActionName(row.action_name),
        repeat_count=row.repeat_count,
        retry_count=row.retry_count,
    )
