"""The secrets of event subscriptions, for whoever looks after all sealed values; statements first."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, bindparam, select, update

from shared.data_keys.sealed_rows import Position, SealedRow
from shared.events.stored_secrets import map_secrets, secret_context
from shared.events.tables import event_subscription
from shared.sql.prepared import Prepared

READ = Prepared(
    select(event_subscription.c.id, event_subscription.c.sealed_secrets)
    .where(event_subscription.c.id > bindparam("last"))
    .order_by(event_subscription.c.id)
    .limit(bindparam("at_most"))
)
REPLACE = Prepared(
    update(event_subscription)
    .where(
        event_subscription.c.id == bindparam("this_id"),
        event_subscription.c.sealed_secrets == bindparam("present"),
    )
    .values(sealed_secrets=bindparam("new_secrets"))
)


class SealedSecrets:
    """The port's adapter for SQLite and PostgreSQL."""

    name = "event subscriptions"

    def read(
        self, connection: Connection, *, after: Position | None, limit: int
    ) -> Sequence[SealedRow]:
        rows = READ.rows(connection, last=after or "", at_most=limit)
        return [SealedRow(row.id, secret_context(row.id), row.sealed_secrets) for row in rows]

    def replace(self, connection: Connection, row: SealedRow, text: str) -> bool:
        changed = REPLACE.change(
            connection, this_id=row.position, present=row.text, new_secrets=text
        )
        return changed == 1

    def map_sealed(self, text: str, change: Callable[[str], str]) -> str:
        return map_secrets(text, change)
