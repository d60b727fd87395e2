"""Registered resource types in SQL; statements first."""

from sqlalchemy import Connection, bindparam, delete, insert, select

from shared.scheduler.stores.tables import registration
from shared.sql.prepared import Prepared

this = (registration.c.subscription == bindparam("of_subscription")) & (
    registration.c.resource_type == bindparam("of_type")
)
FIND = Prepared(select(registration.c.resource_type).where(this))
INSERT = Prepared(
    insert(registration).values(
        subscription=bindparam("of_subscription"), resource_type=bindparam("of_type")
    )
)
DELETE = Prepared(delete(registration).where(this))


class SqlRegistrations:
    """The port's adapter for SQLite and PostgreSQL."""

    def add(self, connection: Connection, subscription: str, resource_type: str) -> bool:
        if FIND.rows(connection, of_subscription=subscription, of_type=resource_type):
            return False
        INSERT.change(connection, of_subscription=subscription, of_type=resource_type)
        return True

    def remove(self, connection: Connection, subscription: str, resource_type: str) -> bool:
        return DELETE.change(connection, of_subscription=subscription, of_type=resource_type) == 1
