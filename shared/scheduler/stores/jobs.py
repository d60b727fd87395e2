"""Jobs in SQL; statements first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from shared.clock import from_optional_microseconds
from shared.scheduler.announcements import BY_SCHEDULE, JobPath
from shared.scheduler.store import StoredJob, StoredJobCollection
from shared.scheduler.stores.containers import (
    FOUND_COLUMNS,
    at_names,
    joined,
    path_keys,
    to_job_collection,
)
from shared.scheduler.stores.tables import execution, history, job, job_collection, job_timing
from shared.sql.prepared import Prepared
from shared.wire.job import JobState, JobStatus

of_collection = job.c.job_collection_id == bindparam("of_collection")
this_job = job.c.key == bindparam("job_key")
of_container = (job_collection.c.cloud_service_id == bindparam("of_service")) & or_(
    bindparam("of_collection").is_(None), of_collection
)
# What is claimed ahead of its time and has not started is what comes next.
claimed = (
    select(func.min(execution.c.occurrence))
    .where(
        execution.c.job_id == job.c.id,
        execution.c.ended_at.is_(None),
        execution.c.started_at.is_(None),
        execution.c.origin == BY_SCHEDULE,
        execution.c.generation == job_timing.c.generation,
    )
    .scalar_subquery()
)
unended = (
    select(execution.c.id)
    .where(execution.c.job_id == job.c.id, execution.c.ended_at.is_(None))
    .exists()
)
COLUMNS = (
    job.c.id,
    job.c.name,
    job.c.state,
    job.c.definition,
    job_timing.c.last_execution,
    func.coalesce(claimed, job_timing.c.next_occurrence),
    job_timing.c.executions,
    job_timing.c.failures,
    job_timing.c.faults,
    job.c.is_held,
    job_timing.c.generation,
    job_timing.c.claimed,
    job_timing.c.open_skip,
    unended,
)
JOB_STATES = {state.value: state for state in JobState}
jobs = select(*COLUMNS).select_from(job.outerjoin(job_timing))

FIND = Prepared(jobs.where(of_collection, this_job))
AT = Prepared(
    select(*FOUND_COLUMNS, *COLUMNS)
    .select_from(
        joined.outerjoin(
            job, (job.c.job_collection_id == job_collection.c.id) & this_job
        ).outerjoin(job_timing, job_timing.c.job_id == job.c.id)
    )
    .where(at_names)
)
LIST = Prepared(
    jobs.where(
        of_collection, or_(bindparam("of_state").is_(None), job.c.state == bindparam("of_state"))
    )
    # As recorded from the retired service, whatever order they were made in.
    .order_by(job.c.key)
    .limit(bindparam("at_most"))
    .offset(bindparam("after"))
)
FOLLOWING = Prepared(
    jobs.where(of_collection, job.c.id > bindparam("after"))
    .order_by(job.c.id)
    .limit(bindparam("at_most"))
)
SOME = Prepared(
    select(job_collection.c.name, *COLUMNS)
    .select_from(job.outerjoin(job_timing).join(job_collection))
    .where(of_container)
    .limit(bindparam("at_most"))
)
COUNT = Prepared(select(func.count()).select_from(job).where(of_collection))
INSERT = Prepared(
    insert(job)
    .values(
        job_collection_id=bindparam("of_collection"),
        key=bindparam("job_key"),
        name=bindparam("new_name"),
        state=bindparam("new_state"),
        definition=bindparam("new_definition"),
        is_held=bindparam("new_is_held"),
    )
    .returning(job.c.id)
)
UPDATE = Prepared(
    update(job)
    .where(of_collection, this_job)
    .values(
        state=bindparam("new_state"),
        definition=bindparam("new_definition"),
        is_held=bindparam("new_is_held"),
    )
)
DELETE = Prepared(delete(job).where(of_collection, this_job))
DELETE_HISTORY = Prepared(
    delete(history).where(
        history.c.id.in_(
            select(history.c.id)
            .join(job, job.c.id == history.c.job_id)
            .join(job_collection)
            .where(of_container)
            .limit(bindparam("at_most"))
        )
    )
)


class SqlJobs:
    """The port's adapter for SQLite and PostgreSQL."""

    def find(self, connection: Connection, job_collection_id: int, name: str) -> StoredJob | None:
        rows = FIND.rows(connection, of_collection=job_collection_id, job_key=name.lower())
        return to_job(rows[0]) if rows else None

    def at(
        self, connection: Connection, path: JobPath
    ) -> tuple[StoredJobCollection, StoredJob | None] | None:
        rows = AT.rows(connection, **path_keys(path))
        if not rows:
            return None
        found, of_job = rows[0][: len(FOUND_COLUMNS)], rows[0][len(FOUND_COLUMNS) :]
        return to_job_collection(found), None if of_job[0] is None else to_job(of_job)

    def list(
        self,
        connection: Connection,
        job_collection_id: int,
        *,
        state: JobState | None,
        skip: int,
        top: int,
    ) -> Sequence[StoredJob]:
        rows = LIST.rows(
            connection,
            of_collection=job_collection_id,
            of_state=None if state is None else state.value,
            at_most=top,
            after=skip,
        )
        return [to_job(row) for row in rows]

    def following(
        self, connection: Connection, job_collection_id: int, *, after: int, limit: int
    ) -> Sequence[StoredJob]:
        rows = FOLLOWING.rows(
            connection, of_collection=job_collection_id, after=after, at_most=limit
        )
        return [to_job(row) for row in rows]

    def insert(self, connection: Connection, job_collection_id: int, row: StoredJob) -> int:
        (inserted,) = INSERT.rows(
            connection,
            of_collection=job_collection_id,
            job_key=row.name.lower(),
            new_name=row.name,
            new_state=row.state.value,
            new_definition=row.definition,
            new_is_held=row.is_held,
        )
        return int(inserted.id)

    def update(self, connection: Connection, job_collection_id: int, row: StoredJob) -> None:
        UPDATE.change(
            connection,
            of_collection=job_collection_id,
            job_key=row.name.lower(),
            new_state=row.state.value,
            new_definition=row.definition,
            new_is_held=row.is_held,
        )

    def delete(self, connection: Connection, job_collection_id: int, name: str) -> bool:
        deleted = DELETE.change(connection, of_collection=job_collection_id, job_key=name.lower())
        return deleted == 1

    def count(self, connection: Connection, job_collection_id: int) -> int:
        return int(COUNT.rows(connection, of_collection=job_collection_id)[0][0])

    def some(
        self,
        connection: Connection,
        *,
        cloud_service_id: int,
        job_collection_id: int | None,
        limit: int,
    ) -> Sequence[tuple[str, StoredJob]]:
        rows = SOME.rows(
            connection,
            of_service=cloud_service_id,
            of_collection=job_collection_id,
            at_most=limit,
        )
        return [(row[0], to_job(row[1:])) for row in rows]

    def delete_history(
        self,
        connection: Connection,
        *,
        cloud_service_id: int,
        job_collection_id: int | None,
        limit: int,
    ) -> int:
        return DELETE_HISTORY.change(
            connection,
            of_service=cloud_service_id,
            of_collection=job_collection_id,
            at_most=limit,
        )


def to_job(row: Any) -> StoredJob:
    id, name, state, definition, last, following, executions, failures, faults, *rest = row
    is_held, generation, claimed, open_skip, has_executions = rest
    return StoredJob(
        id=id,
        name=name,
        state=JOB_STATES[state],
        definition=definition,
        status=JobStatus(
            last_execution_time=from_optional_microseconds(last),
            next_execution_time=from_optional_microseconds(following),
            execution_count=executions or 0,
            failure_count=failures or 0,
            faulted_count=faults or 0,
        ),
        is_held=bool(is_held),
        generation=generation or 0,
        claimed=claimed or 0,
        open_skip=open_skip,
        has_executions=bool(has_executions),
    )
