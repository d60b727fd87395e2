"""Operations of the service in SQL; statements first."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from shared.clock import from_microseconds, to_microseconds
from shared.scheduler.store import StoredOperation
from shared.scheduler.stores.tables import service_operation
from shared.sql.prepared import Prepared

COLUMNS = (
    "id", "subscription", "endpoint", "status", "answer_status", "answer_etag", "answer_body",
    "error_status", "error_code", "error_message", "request_fingerprint", "cloud_service_id",
    "job_collection_id", "argument",
)  # fmt: skip
CHANGES = (
    "status", "answer_status", "answer_etag", "answer_body", "error_status", "error_code",
    "error_message", "argument",
)  # fmt: skip
columns = service_operation.c

FIND = Prepared(
    select(*(columns[name] for name in COLUMNS), columns.kept_until).where(
        columns.id == bindparam("this_id")
    )
)
INSERT = Prepared(
    insert(service_operation).values(
        {name: bindparam(f"new_{name}") for name in (*COLUMNS, "kept_until")}
    )
)
UPDATE = Prepared(
    update(service_operation)
    .where(columns.id == bindparam("this_id"))
    .values({name: bindparam(f"new_{name}") for name in CHANGES})
)
PRUNE = Prepared(
    delete(service_operation).where(
        columns.id.in_(
            select(columns.id)
            .where(columns.kept_until <= bindparam("present"), columns.due_at.is_(None))
            .order_by(columns.kept_until)
            .limit(bindparam("at_most"))
        )
    )
)


class SqlOperations:
    """The port's adapter for SQLite and PostgreSQL."""

    def find(self, connection: Connection, id: str) -> StoredOperation | None:
        rows = FIND.rows(connection, this_id=id)
        if not rows:
            return None
        row = rows[0]
        values = dict(zip(COLUMNS, row, strict=False))
        return StoredOperation(**values, kept_until=from_microseconds(row.kept_until))

    def insert(self, connection: Connection, row: StoredOperation) -> None:
        INSERT.change(
            connection,
            new_kept_until=to_microseconds(row.kept_until),
            **{f"new_{name}": getattr(row, name) for name in COLUMNS},
        )

    def update(self, connection: Connection, row: StoredOperation) -> None:
        new = {f"new_{name}": getattr(row, name) for name in CHANGES}
        UPDATE.change(connection, this_id=row.id, **new)

    def prune(self, connection: Connection, *, now: datetime, limit: int) -> int:
        return PRUNE.change(connection, present=to_microseconds(now), at_most=limit)
