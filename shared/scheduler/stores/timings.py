"""When jobs run, in SQL; statements first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, null, select, update

from shared.clock import (
    from_optional_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.scheduler.announcements import JobPath
from shared.scheduler.execution_store import Count, DueJob, RunningJob
from shared.scheduler.stores.tables import cloud_service, job, job_collection, job_timing
from shared.scheduler.timing import Timing
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared
from shared.wire.job import JobState
from shared.wire.recurrence import Frequency

column = job_timing.c
this = column.job_id == bindparam("this_job")
RULE = ("frequency", "interval", "anchor", "drifts", "count", "end_time", "next_occurrence")
TIMING = (
    column.generation,
    *(column[name] for name in RULE),
    column.claimed,
)
NAMES = (cloud_service.c.subscription, cloud_service.c.name, job_collection.c.name, job.c.name)
with_names = job_timing.join(job).join(job_collection).join(cloud_service)

DEFINE = Prepared(
    update(job_timing)
    .where(this)
    .values({name: bindparam(f"new_{name}") for name in RULE})
    .values(
        generation=column.generation + 1,
        claimed=bindparam("new_claimed"),
        outstanding=0,
        active=null(),
        open_skip=null(),
        ended_at=null(),
    )
)
RESET = Prepared(
    update(job_timing)
    .where(this)
    .values(
        counted_from=column.generation,
        repeats=0,
        last_execution=null(),
        executions=0,
        failures=0,
        faults=0,
    )
)
INSERT = Prepared(
    insert(job_timing).values(
        job_id=bindparam("this_job"),
        generation=1,
        counted_from=1,
        **{name: bindparam(f"new_{name}") for name in RULE},
    )
)
DUE = Prepared(
    select(
        column.job_id,
        *TIMING,
        *(name.label(f"name_{place}") for place, name in enumerate(NAMES)),
        case((column.generation == 0, job.c.definition)).label("unplanned"),
    )
    .select_from(with_names)
    .where(column.next_occurrence <= bindparam("until"))
    .order_by(column.next_occurrence)
    .limit(bindparam("at_most"))
)
EARLIEST = Prepared(select(func.min(column.next_occurrence)))
ADVANCE = Prepared(
    update(job_timing)
    .where(this)
    .values(
        next_occurrence=bindparam("following"),
        claimed=bindparam("new_claimed"),
        outstanding=column.outstanding + 1,
    )
)
GET = Prepared(
    select(
        *TIMING,
        column.counted_from,
        column.outstanding,
        column.active,
        column.open_skip,
        job.c.job_collection_id,
        job.c.state,
        job.c.definition,
        cloud_service.c.definition.label("service_definition"),
    )
    .select_from(with_names)
    .where(this)
)
UPDATE = Prepared(
    update(job_timing)
    .where(this)
    .values(
        next_occurrence=bindparam("following"),
        claimed=bindparam("new_claimed"),
        outstanding=bindparam("new_outstanding"),
        active=bindparam("new_active"),
        open_skip=bindparam("new_open_skip"),
    )
)
BEGIN = Prepared(
    update(job_timing)
    .where(this)
    .values(
        next_occurrence=bindparam("following"),
        active=bindparam("new_active"),
        open_skip=bindparam("new_open_skip"),
        repeats=column.repeats + 1,
    )
    .returning(column.repeats)
)
COUNT = Prepared(
    update(job_timing)
    .where(this)
    .values(
        last_execution=bindparam("started"),
        executions=column.executions + bindparam("attempts"),
        failures=column.failures + bindparam("new_failures"),
        faults=column.faults + bindparam("new_faults"),
    )
)
END_JOB = Prepared(
    update(job).where(job.c.id == bindparam("this_job")).values(state=bindparam("new_state"))
)
END_TIMING = Prepared(
    update(job_timing)
    .where(this)
    .values(next_occurrence=null(), ended_at=bindparam("present"), open_skip=null())
)


class SqlTimings:
    """The port's adapter for SQLite and PostgreSQL."""

    def define(self, tx: Transaction, job_id: int, timing: Timing, *, resets: bool) -> None:
        values = rule_of(timing)
        changed = DEFINE.change(
            tx.connection, this_job=job_id, new_claimed=timing.claimed, **values
        )
        if changed and resets:
            RESET.change(tx.connection, this_job=job_id)
        if not changed:
            INSERT.change(tx.connection, this_job=job_id, **values)

    def due(self, tx: Transaction, *, until: datetime, limit: int) -> Sequence[DueJob]:
        rows = DUE.rows(tx.connection, until=to_microseconds(until), at_most=limit)
        return [
            DueJob(
                id=row.job_id,
                path=JobPath(
                    subscription=row.name_0,
                    cloud_service=row.name_1,
                    job_collection=row.name_2,
                    job=row.name_3,
                ),
                timing=to_timing(row),
                definition=row.unplanned,
            )
            for row in rows
        ]

    def earliest(self, tx: Transaction) -> datetime | None:
        return from_optional_microseconds(EARLIEST.rows(tx.connection)[0][0])

    def advance(self, tx: Transaction, claims: Sequence[tuple[int, Timing]]) -> None:
        ADVANCE.execute_many(
            tx.connection,
            [
                {
                    "this_job": job_id,
                    "following": to_optional_microseconds(timing.next_occurrence),
                    "new_claimed": timing.claimed,
                }
                for job_id, timing in claims
            ],
        )

    def get(self, connection: Connection, job_id: int) -> RunningJob | None:
        rows = GET.rows(connection, this_job=job_id)
        return to_running_job(job_id, rows[0]) if rows else None

    def update(self, tx: Transaction, job: RunningJob) -> None:
        UPDATE.change(
            tx.connection,
            this_job=job.id,
            following=to_optional_microseconds(job.timing.next_occurrence),
            new_claimed=job.timing.claimed,
            new_outstanding=job.outstanding,
            new_active=job.active,
            new_open_skip=job.open_skip,
        )

    def begin(self, tx: Transaction, job: RunningJob) -> int:
        rows = BEGIN.rows(
            tx.connection,
            this_job=job.id,
            following=to_optional_microseconds(job.timing.next_occurrence),
            new_active=job.active,
            new_open_skip=job.open_skip,
        )
        return int(rows[0][0])

    def count(self, tx: Transaction, job_id: int, added: Count) -> None:
        COUNT.change(
            tx.connection,
            this_job=job_id,
            started=to_microseconds(added.started_at),
            attempts=added.attempts,
            new_failures=added.failures,
            new_faults=added.faults,
        )

    def end(self, tx: Transaction, job_id: int, *, state: JobState, now: datetime) -> None:
        END_JOB.change(tx.connection, this_job=job_id, new_state=state.value)
        END_TIMING.change(tx.connection, this_job=job_id, present=to_microseconds(now))


def rule_of(timing: Timing) -> dict[str, Any]:
    return {
        "new_frequency": timing.frequency.value if timing.frequency else None,
        "new_interval": timing.interval,
        "new_anchor": to_optional_microseconds(timing.anchor),
        "new_drifts": timing.drifts,
        "new_count": timing.count,
        "new_end_time": to_optional_microseconds(timing.end_time),
        "new_next_occurrence": to_optional_microseconds(timing.next_occurrence),
    }


def to_timing(row: Any) -> Timing:
    return Timing(
        generation=row.generation,
        frequency=FREQUENCIES[row.frequency],
        interval=row.interval,
        anchor=from_optional_microseconds(row.anchor),
        drifts=bool(row.drifts),
        count=row.count,
        end_time=from_optional_microseconds(row.end_time),
        next_occurrence=from_optional_microseconds(row.next_occurrence),
        claimed=row.claimed,
    )


def to_running_job(job_id: int, row: Any) -> RunningJob:
    return RunningJob(
        id=job_id,
        job_collection_id=row.job_collection_id,
        state=JobState(row.state),
        definition=row.definition,
        service_definition=row.service_definition,
        timing=to_timing(row),
        counted_from=row.counted_from,
        outstanding=row.outstanding,
        active=row.active,
        open_skip=row.open_skip,
    )


FREQUENCIES: dict[str | None, Frequency | None] = {
    None: None,
    **{one.value: one for one in Frequency},
}
