"""Jobs in SQL; statements first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from shared.scheduler.store import StoredJob
from shared.scheduler.stores.tables import job, job_collection
from shared.sql.prepared import Prepared
from shared.wire.job import JobState

of_collection = job.c.job_collection_id == bindparam("of_collection")
this_job = job.c.key == bindparam("job_key")
jobs = select(job.c.name, job.c.state, job.c.definition)

FIND = Prepared(jobs.where(of_collection, this_job))
LIST = Prepared(
    jobs.where(
        of_collection, or_(bindparam("of_state").is_(None), job.c.state == bindparam("of_state"))
    )
    .order_by(job.c.id)
    .limit(bindparam("at_most"))
    .offset(bindparam("after"))
)
COUNT = Prepared(select(func.count()).select_from(job).where(of_collection))
INSERT = Prepared(
    insert(job).values(
        job_collection_id=bindparam("of_collection"),
        key=bindparam("job_key"),
        name=bindparam("new_name"),
        state=bindparam("new_state"),
        definition=bindparam("new_definition"),
    )
)
UPDATE = Prepared(
    update(job)
    .where(of_collection, this_job)
    .values(state=bindparam("new_state"), definition=bindparam("new_definition"))
)
DELETE = Prepared(delete(job).where(of_collection, this_job))
DELETE_SOME = Prepared(
    delete(job).where(
        job.c.id.in_(
            select(job.c.id)
            .join(job_collection)
            .where(
                job_collection.c.cloud_service_id == bindparam("of_service"),
                or_(bindparam("of_collection").is_(None), of_collection),
            )
            .limit(bindparam("at_most"))
        )
    )
)


class SqlJobs:
    """The port's adapter for SQLite and PostgreSQL."""

    def find(self, connection: Connection, job_collection_id: int, name: str) -> StoredJob | None:
        rows = FIND.rows(connection, of_collection=job_collection_id, job_key=name.lower())
        return to_job(rows[0]) if rows else None

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

    def insert(self, connection: Connection, job_collection_id: int, row: StoredJob) -> None:
        INSERT.change(
            connection,
            of_collection=job_collection_id,
            job_key=row.name.lower(),
            new_name=row.name,
            new_state=row.state.value,
            new_definition=row.definition,
        )

    def update(self, connection: Connection, job_collection_id: int, row: StoredJob) -> None:
        UPDATE.change(
            connection,
            of_collection=job_collection_id,
            job_key=row.name.lower(),
            new_state=row.state.value,
            new_definition=row.definition,
        )

    def delete(self, connection: Connection, job_collection_id: int, name: str) -> bool:
        deleted = DELETE.change(connection, of_collection=job_collection_id, job_key=name.lower())
        return deleted == 1

    def count(self, connection: Connection, job_collection_id: int) -> int:
        return int(COUNT.rows(connection, of_collection=job_collection_id)[0][0])

    def delete_some(
        self,
        connection: Connection,
        *,
        cloud_service_id: int,
        job_collection_id: int | None,
        limit: int,
    ) -> int:
        return DELETE_SOME.change(
            connection,
            of_service=cloud_service_id,
            of_collection=job_collection_id,
            at_most=limit,
        )


def to_job(row: Any) -> StoredJob:
    name, state, definition = row
    return StoredJob(name=name, state=JobState(state), definition=definition)
