"""Sinks of every type, several secrets, filters of data, modes, rates, replay; events for one addressee.

Columns come with a default and stay so: SQLite cannot take it away without making the table anew, which would delete
the deliveries that refer to it.

Revision ID: 0002
"""

import json

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import only_where

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OLD = sa.table(
    "event_subscription",
    sa.column("id"),
    sa.column("url"),
    sa.column("sealed_secret"),
    sa.column("sink_settings"),
    sa.column("sealed_secrets"),
)


def upgrade() -> None:
    op.add_column("event", sa.Column("addressee", sa.Text))
    for column in new_columns():
        op.add_column("event_subscription", column)
    carry_over()
    for name in ("url", "sealed_secret"):
        op.drop_column("event_subscription", name)
    op.create_index(
        "ix_delivery_deadlettered",
        "delivery",
        ["event_subscription_id", "number"],
        **only_where(sa.text("status = 'deadlettered'")),
    )


def new_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("name", sa.Text),
        sa.Column("sink_type", sa.Text, nullable=False, server_default="webhook"),
        sa.Column("sink_settings", sa.Text, nullable=False, server_default="{}"),
        sa.Column("sealed_secrets", sa.Text, nullable=False, server_default="[]"),
        sa.Column("filter_data", sa.Text, nullable=False, server_default="[]"),
        sa.Column("mode", sa.Text, nullable=False, server_default="structured"),
        sa.Column("retry_schedule", sa.Text),
        sa.Column("rate_per_second", sa.Integer),
        sa.Column("rate_per_minute", sa.Integer),
        sa.Column("rate_full_at", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("replay_next", sa.BigInteger),
        sa.Column("replay_last", sa.BigInteger),
    ]


def carry_over() -> None:
    """Bring the one URL and the one secret of each row into their new form."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(OLD.c.id, OLD.c.url, OLD.c.sealed_secret)).all():
        connection.execute(
            sa.update(OLD)
            .where(OLD.c.id == row.id)
            .values(
                sink_settings=json.dumps({"url": row.url, "validation": "none"}),
                sealed_secrets=json.dumps([{"secret": row.sealed_secret}]),
            )
        )
