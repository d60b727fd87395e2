"""What is still to be told, in SQL; statements first."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from shared.scheduler.outgoing import OutgoingRow
from shared.scheduler.stores.tables import outgoing
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared

columns = outgoing.c

INSERT = Prepared(insert(outgoing).values(body=bindparam("body")))
OLDEST = Prepared(
    select(columns.position, columns.body).order_by(columns.position).limit(bindparam("at_most"))
)
DELETE = Prepared(delete(outgoing).where(columns.position == bindparam("this_position")))


class SqlOutgoing:
    """The port's adapter for SQLite and PostgreSQL."""

    def insert(self, transaction: Transaction, body: bytes) -> None:
        INSERT.change(transaction.connection, body=body)

    def oldest(self, connection: Connection, *, limit: int) -> Sequence[OutgoingRow]:
        rows = OLDEST.rows(connection, at_most=limit)
        return [OutgoingRow(row.position, row.body) for row in rows]

    def delete(self, transaction: Transaction, positions: Sequence[int]) -> None:
        DELETE.execute_many(
            transaction.connection, [{"this_position": position} for position in positions]
        )
