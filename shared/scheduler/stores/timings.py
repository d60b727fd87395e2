"""When jobs run, in SQL; statements first."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, null, select, update
from sqlalchemy.dialects.sqlite import insert

from shared.clock import (
    from_optional_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.scheduler.announcements import JobPath
from shared.scheduler.execution_store import DueJob
from shared.scheduler.stores.tables import cloud_service, job, job_collection, job_timing
from shared.scheduler.timing import Claim, Timing
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared
from shared.wire.job import JobState
from shared.wire.json_codec import encode_json
from shared.wire.model import read_json
from shared.wire.recurrence import Frequency, Schedule

column = job_timing.c
this = column.job_id == bindparam("this_job")
RULE = (
    "frequency", "interval", "schedule", "anchor", "drifts", "count", "end_time", "next_occurrence",
    "claimed",
)  # fmt: skip
TIMING = (column.generation, *(column[name] for name in RULE))
NAMES = (cloud_service.c.subscription, cloud_service.c.name, job_collection.c.name, job.c.name)
with_names = job_timing.join(job).join(job_collection).join(cloud_service)

first = insert(job_timing).values(
    job_id=bindparam("this_job"),
    generation=1,
    counted_from=1,
    **{name: bindparam(f"new_{name}") for name in RULE},
)
defined = {
    **{name: first.excluded[name] for name in RULE},
    "generation": column.generation + 1,
    "outstanding": 0,
    "active": null(),
    "open_skip": null(),
}
reset = {
    "counted_from": column.generation + 1,
    "repeats": 0,
    "last_execution": null(),
    "executions": 0,
    "failures": 0,
    "faults": 0,
}
DEFINE = Prepared(first.on_conflict_do_update(index_elements=["job_id"], set_=defined))
DEFINE_ANEW = Prepared(
    first.on_conflict_do_update(index_elements=["job_id"], set_={**defined, **reset})
)
DUE = Prepared(
    select(
        column.job_id,
        *TIMING,
        *(name.label(f"name_{place}") for place, name in enumerate(NAMES)),
        job.c.job_collection_id,
        case((column.generation == 0, job.c.definition)).label("unplanned"),
    )
    .select_from(with_names)
    .where(column.next_occurrence <= bindparam("until"))
    .order_by(column.next_occurrence)
    .limit(bindparam("at_most"))
    .with_for_update(of=job_timing, skip_locked=True)
)
# Only with this condition is it read from the index, which is partial.
EARLIEST = Prepared(
    select(func.min(column.next_occurrence)).where(column.next_occurrence.is_not(None))
)
ADVANCE = Prepared(
    update(job_timing)
    .where(this)
    .values(
        next_occurrence=bindparam("following"),
        claimed=bindparam("new_claimed"),
        outstanding=column.outstanding + 1,
    )
)
GET = Prepared(select(*TIMING).where(this))
SET_NEXT = Prepared(
    update(job_timing)
    .where(this)
    .values(next_occurrence=bindparam("following"), claimed=bindparam("new_claimed"))
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
        statement = DEFINE_ANEW if resets else DEFINE
        statement.change(tx.connection, this_job=job_id, **to_values(timing))

    def due(self, tx: Transaction, *, until: datetime, limit: int) -> Sequence[DueJob]:
        rows = DUE.rows(tx.connection, until=to_microseconds(until), at_most=limit)
        return [
            DueJob(
                id=row.job_id,
                job_collection_id=row.job_collection_id,
                path=JobPath(
                    subscription=row.name_0,
                    cloud_service=row.name_1,
                    job_collection=row.name_2,
                    job=row.name_3,
                ),
                generation=row.generation,
                timing=partial(to_timing, row),
                definition=row.unplanned,
            )
            for row in rows
        ]

    def earliest(self, tx: Transaction) -> datetime | None:
        return from_optional_microseconds(EARLIEST.rows(tx.connection)[0][0])

    def advance(self, tx: Transaction, claims: Sequence[tuple[int, Claim]]) -> None:
        ADVANCE.execute_many(
            tx.connection,
            [
                {
                    "this_job": job_id,
                    "following": to_optional_microseconds(found.next_occurrence),
                    "new_claimed": found.claimed,
                }
                for job_id, found in claims
            ],
        )

    def get(self, connection: Connection, job_id: int) -> Timing | None:
        rows = GET.rows(connection, this_job=job_id)
        return to_timing(rows[0]) if rows else None

    def set_next(self, tx: Transaction, job_id: int, timing: Timing) -> None:
        SET_NEXT.change(
            tx.connection,
            this_job=job_id,
            following=to_optional_microseconds(timing.next_occurrence),
            new_claimed=timing.claimed,
        )

    def end(self, tx: Transaction, job_id: int, *, state: JobState, now: datetime) -> None:
        END_JOB.change(tx.connection, this_job=job_id, new_state=state.value)
        END_TIMING.change(tx.connection, this_job=job_id, present=to_microseconds(now))


def to_values(timing: Timing) -> dict[str, Any]:
    return {
        "new_frequency": timing.frequency.value if timing.frequency else None,
        "new_interval": timing.interval,
        "new_schedule": encode_json(timing.schedule.document()).decode()
        if timing.schedule
        else None,
        "new_anchor": to_optional_microseconds(timing.anchor),
        "new_drifts": timing.drifts,
        "new_count": timing.count,
        "new_end_time": to_optional_microseconds(timing.end_time),
        "new_next_occurrence": to_optional_microseconds(timing.next_occurrence),
        "new_claimed": timing.claimed,
    }


def to_timing(row: Any) -> Timing:
    return Timing(
        generation=row.generation,
        frequency=FREQUENCIES[row.frequency],
        interval=row.interval,
        schedule=to_schedule(row.schedule) if row.schedule is not None else None,
        anchor=from_optional_microseconds(row.anchor),
        drifts=bool(row.drifts),
        count=row.count,
        end_time=from_optional_microseconds(row.end_time),
        next_occurrence=from_optional_microseconds(row.next_occurrence),
        claimed=row.claimed,
    )


@lru_cache(maxsize=4096)
def to_schedule(document: str) -> Schedule:
    return read_json(Schedule, document.encode())


FREQUENCIES: dict[str | None, Frequency | None] = {
    None: None,
    **{one.value: one for one in Frequency},
}
