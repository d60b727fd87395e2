"""Find operations by status and resource, newest first, and what a canceled one was waited for.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SEGMENTS_OF_A_SERVICE, SEGMENTS_OF_A_COLLECTION = 2, 4
FILLED_AT_ONCE = 1000


def upgrade() -> None:
    op.add_column("operation", sa.Column("path", sa.Text, nullable=False, server_default=""))
    op.add_column("operation", sa.Column("service_scope", sa.Text))
    op.add_column("operation", sa.Column("collection_scope", sa.Text))
    fill()
    for scope in (None, "service_scope", "collection_scope", "path"):
        columns = [*([] if scope is None else [scope]), "status", "requested_at", "number"]
        op.create_index(f"ix_operation_{scope or 'status'}_listed", "operation", columns)


def fill() -> None:
    """Give the operations that are there their paths, some at a time; they are all below `/cloudservices`."""
    table = sa.table("operation", sa.column("number", sa.Integer), sa.column("resource", sa.Text))
    some = (
        sa.select(table.c.number, table.c.resource)
        .where(table.c.number > sa.bindparam("last"))
        .order_by(table.c.number)
        .limit(FILLED_AT_ONCE)
    )
    connection, last = op.get_bind(), 0
    while rows := connection.execute(some, {"last": last}).all():
        fill_some(connection, [(number, resource.lower()) for number, resource in rows])
        last = rows[-1].number


def fill_some(connection: sa.Connection, resources: list[tuple[int, str]]) -> None:
    table = sa.table(
        "operation",
        sa.column("number", sa.Integer),
        sa.column("path", sa.Text),
        sa.column("service_scope", sa.Text),
        sa.column("collection_scope", sa.Text),
    )
    fill_one = (
        sa.update(table)
        .where(table.c.number == sa.bindparam("this"))
        .values(
            path=sa.bindparam("of_path"),
            service_scope=sa.bindparam("of_service"),
            collection_scope=sa.bindparam("of_collection"),
        )
    )
    values = [
        {
            "this": number,
            "of_path": f"{resource}/",
            "of_service": beginning(resource, SEGMENTS_OF_A_SERVICE),
            "of_collection": beginning(resource, SEGMENTS_OF_A_COLLECTION),
        }
        for number, resource in resources
    ]
    connection.execute(fill_one, values)


def beginning(resource: str, segments: int) -> str | None:
    found = resource.split("/")[1 : segments + 1]
    return f"/{'/'.join(found)}/" if len(found) == segments else None
