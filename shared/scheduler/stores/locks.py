"""Locks on jobs in SQL, where a database has several writers; statements first.

The row that is locked is that of the job's timing, which every transaction about the job reads and changes.
"""

from collections.abc import Sequence

from sqlalchemy import ARRAY, BigInteger, Text, any_, bindparam, select

from shared.scheduler.announcements import JobPath
from shared.scheduler.stores.containers import path_keys
from shared.scheduler.stores.tables import (
    cloud_service,
    execution,
    job,
    job_collection,
    job_timing,
)
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared

column = job_timing.c
OF_EXECUTIONS = Prepared(
    select(column.job_id)
    .where(
        column.job_id.in_(
            select(execution.c.job_id).where(
                execution.c.id == any_(bindparam("these", type_=ARRAY(Text)))
            )
        )
    )
    .order_by(column.job_id)
    .with_for_update()
)
OF_JOBS = Prepared(
    select(column.job_id)
    .where(column.job_id == any_(bindparam("these", type_=ARRAY(BigInteger))))
    .order_by(column.job_id)
    .with_for_update()
)
AT = Prepared(
    select(column.job_id)
    .select_from(job_timing.join(job).join(job_collection).join(cloud_service))
    .where(
        cloud_service.c.subscription == bindparam("of_subscription"),
        cloud_service.c.key == bindparam("service_key"),
        job_collection.c.key == bindparam("collection_key"),
        job.c.key == bindparam("job_key"),
    )
    .with_for_update(of=job_timing)
)
FOLLOWING = Prepared(
    select(column.job_id)
    .select_from(job_timing.join(job))
    .where(job.c.job_collection_id == bindparam("of_collection"), job.c.id > bindparam("after"))
    .order_by(job.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(of=job_timing)
)


class SqlJobLocks:
    """The port's adapter for SQLite, whose only writer needs none, and PostgreSQL."""

    def of_executions(self, tx: Transaction, ids: Sequence[str]) -> None:
        if tx.has_rivals:
            OF_EXECUTIONS.rows(tx.connection, these=list(ids))

    def of_jobs(self, tx: Transaction, ids: Sequence[int]) -> None:
        if tx.has_rivals:
            OF_JOBS.rows(tx.connection, these=list(ids))

    def at(self, tx: Transaction, path: JobPath) -> None:
        if tx.has_rivals:
            AT.rows(tx.connection, **path_keys(path))

    def following(self, tx: Transaction, job_collection_id: int, *, after: int, limit: int) -> None:
        if tx.has_rivals:
            FOLLOWING.rows(
                tx.connection, of_collection=job_collection_id, after=after, at_most=limit
            )
