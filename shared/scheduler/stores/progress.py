"""How far jobs are, in SQL; statements first."""

from typing import Any

from sqlalchemy import Connection, bindparam, case, func, null, select, update

from shared.clock import to_optional_microseconds
from shared.scheduler.execution_store import Count, Progress
from shared.scheduler.stores.tables import job, job_timing
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared
from shared.wire.job import JobState

column = job_timing.c
this = column.job_id == bindparam("this_job")
PROGRESS = (
    column.job_id.label("timed_job"),
    job.c.state.label("job_state"),
    column.generation.label("present_generation"),
    column.counted_from,
    column.next_occurrence.is_not(None).label("has_next"),
    column.outstanding,
    column.active,
    column.open_skip,
)
JOB_STATES = {state.value: state for state in JobState}

GET = Prepared(select(*PROGRESS).select_from(job_timing.join(job)).where(this))
BEGIN = Prepared(
    update(job_timing)
    .where(this)
    .values(
        repeats=column.repeats + 1,
        active=func.coalesce(bindparam("new_active"), column.active),
        open_skip=case((bindparam("new_active").is_(None), column.open_skip)),
    )
    .returning(column.repeats)
)
SKIP = Prepared(
    update(job_timing)
    .where(this)
    .values(outstanding=column.outstanding - 1, open_skip=bindparam("new_open_skip"))
)
SETTLE = Prepared(
    update(job_timing)
    .where(this)
    .values(
        # What began earlier may be recorded later.
        last_execution=case(
            (column.last_execution > bindparam("started"), column.last_execution),
            else_=func.coalesce(bindparam("started"), column.last_execution),
        ),
        executions=column.executions + bindparam("attempts"),
        failures=column.failures + bindparam("new_failures"),
        faults=column.faults + bindparam("new_faults"),
        outstanding=case(
            (bindparam("ended").is_(None), column.outstanding), else_=column.outstanding - 1
        ),
        active=case((column.active == bindparam("ended"), null()), else_=column.active),
    )
)


class SqlProgress:
    """The port's adapter for SQLite and PostgreSQL."""

    def get(self, connection: Connection, job_id: int) -> Progress | None:
        rows = GET.rows(connection, this_job=job_id)
        return Progress(**progress_of(rows[0])) if rows else None

    def begin(self, tx: Transaction, job_id: int, *, active: str | None) -> int:
        return int(BEGIN.rows(tx.connection, this_job=job_id, new_active=active)[0][0])

    def skip(self, tx: Transaction, job_id: int, *, open_skip: int) -> None:
        SKIP.change(tx.connection, this_job=job_id, new_open_skip=open_skip)

    def settle(self, tx: Transaction, job_id: int, added: Count, *, ended: str | None) -> None:
        SETTLE.change(
            tx.connection,
            this_job=job_id,
            started=to_optional_microseconds(added.started_at),
            attempts=added.attempts,
            new_failures=added.failures,
            new_faults=added.faults,
            ended=ended,
        )


def progress_of(row: Any) -> dict[str, Any]:
    """Return the members of Progress from a row with the columns `PROGRESS`."""
    return {
        "job_id": row.timed_job,
        "state": JOB_STATES[row.job_state],
        "generation": row.present_generation,
        "counted_from": row.counted_from,
        "has_next": bool(row.has_next),
        "outstanding": row.outstanding,
        "active": row.active,
        "open_skip": row.open_skip,
    }
