"""The secrets in the definitions of jobs, for whoever looks after all sealed values; statements first."""

from collections.abc import Callable, Sequence

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, bindparam, select, update

from shared.data_keys.sealed_rows import Position, SealedRow
from shared.scheduler.action import sealing_context
from shared.scheduler.stores.tables import cloud_service, job, job_collection
from shared.sql.prepared import Prepared
from shared.wire.secret_members import map_secret_members

READ = Prepared(
    select(
        job.c.id,
        job.c.definition,
        job.c.name,
        job_collection.c.name.label("collection"),
        cloud_service.c.name.label("service"),
        cloud_service.c.subscription,
    )
    .select_from(job.join(job_collection).join(cloud_service))
    .where(job.c.id > bindparam("last"))
    .order_by(job.c.id)
    .limit(bindparam("at_most"))
)
REPLACE = Prepared(
    update(job)
    .where(job.c.id == bindparam("this_job"), job.c.definition == bindparam("present"))
    .values(definition=bindparam("new_definition"))
)


class SealedJobs:
    """The port's adapter for SQLite and PostgreSQL."""

    name = "jobs"

    def read(
        self, connection: Connection, *, after: Position | None, limit: int
    ) -> Sequence[SealedRow]:
        rows = READ.rows(connection, last=after or 0, at_most=limit)
        return [
            SealedRow(
                row.id,
                sealing_context(
                    subscription=row.subscription,
                    cloud_service=row.service,
                    job_collection=row.collection,
                    job=row.name,
                ),
                row.definition,
            )
            for row in rows
        ]

    def replace(self, connection: Connection, row: SealedRow, text: str) -> bool:
        changed = REPLACE.change(
            connection, this_job=row.position, present=row.text, new_definition=text
        )
        return changed == 1

    def map_sealed(self, text: str, change: Callable[[str], str]) -> str:
        document = from_json(text)
        changed = map_secret_members(document, change)
        return text if changed == document else to_json(changed).decode()
