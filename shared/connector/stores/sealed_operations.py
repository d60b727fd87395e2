"""The bodies of operations that have not ended, for whoever looks after all sealed values; statements first."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, bindparam, select, update

from shared.connector.drafts import sealing_context
from shared.connector.stores.tables import operation
from shared.data_keys.sealed_rows import Position, SealedRow
from shared.sql.prepared import Prepared

READ = Prepared(
    select(operation.c.number, operation.c.id, operation.c.sealed_body)
    .where(operation.c.number > bindparam("last"), operation.c.sealed_body.is_not(None))
    .order_by(operation.c.number)
    .limit(bindparam("at_most"))
)
REPLACE = Prepared(
    update(operation)
    .where(
        operation.c.number == bindparam("this_number"),
        operation.c.sealed_body == bindparam("present"),
    )
    .values(sealed_body=bindparam("new_body"))
)


class SealedOperations:
    """The port's adapter for SQLite and PostgreSQL."""

    name = "operations"

    def read(
        self, connection: Connection, *, after: Position | None, limit: int
    ) -> Sequence[SealedRow]:
        rows = READ.rows(connection, last=after or 0, at_most=limit)
        return [SealedRow(row.number, sealing_context(row.id), row.sealed_body) for row in rows]

    def replace(self, connection: Connection, row: SealedRow, text: str) -> bool:
        changed = REPLACE.change(
            connection, this_number=row.position, present=row.text, new_body=text
        )
        return changed == 1

    def map_sealed(self, text: str, change: Callable[[str], str]) -> str:
        return change(text)
