"""The event log, event subscriptions with their filters, deliveries.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import NUMBER, only_where

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    event_log = op.create_table(
        "event_log",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last_number", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(event_log, [{"id": 1, "last_number": 0}])
    op.create_table(
        "event",
        sa.Column("position", NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("number", sa.BigInteger, unique=True),
        sa.Column("published_at", sa.BigInteger),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("structured", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_event_unnumbered", "event", ["position"], **only_where(sa.text("number IS NULL"))
    )
    create_event_subscriptions()
    create_deliveries()


def create_event_subscriptions() -> None:
    op.create_table(
        "event_subscription",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.Text, nullable=False),
        sa.Column("filter_types", sa.Text, nullable=False),
        sa.Column("subject_prefix", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_reason", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("held_until", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("unrecorded", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("sweep_at", sa.BigInteger),
        sa.Column("wakes", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index(
        "ix_event_subscription_sweep_at",
        "event_subscription",
        ["sweep_at"],
        **only_where(sa.text("sweep_at IS NOT NULL")),
    )
    op.create_table(
        "event_filter",
        sa.Column("type", sa.Text, primary_key=True),
        sa.Column(
            "event_subscription_id",
            sa.Text,
            sa.ForeignKey("event_subscription.id", ondelete="CASCADE"),
            primary_key=True,
        ),
    )
    op.create_index(
        "ix_event_filter_event_subscription_id", "event_filter", ["event_subscription_id"]
    )


def create_deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column(
            "event_subscription_id",
            sa.Text,
            sa.ForeignKey("event_subscription.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            "number",
            sa.BigInteger,
            sa.ForeignKey("event.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("last_error", sa.Text),
    )
    op.create_index("ix_delivery_number", "delivery", ["number"])
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["event_subscription_id", "due_at", "number"],
        **only_where(sa.text("due_at IS NOT NULL")),
    )
