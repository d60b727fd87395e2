"""What Service Bus has beside queues: sessions, deferral, expiry, duplicate detection, rules, counters."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SIZES = """
UPDATE message SET size = (
  SELECT length(body) + ifnull(length(CAST(message_id AS BLOB)), 0)
    + ifnull(length(CAST(attributes AS BLOB)), 0)
  FROM message_body WHERE message_body.sequence_number = message.sequence_number
)"""
COUNTS = """
INSERT INTO entity_count (entity, active, scheduled, deferred, size)
SELECT entity, sum(state IN (0, 1)), sum(state = 2), 0, 0 FROM message GROUP BY entity"""
TOTALS = """
INSERT INTO entity_count (entity, active, scheduled, deferred, size)
SELECT substr(entity, 1, instr(entity || '/', '/') - 1) AS owner, 0, 0, 0, sum(size)
FROM message WHERE true GROUP BY owner
ON CONFLICT (entity) DO UPDATE SET size = excluded.size"""


def upgrade() -> None:
    add_columns()
    replace_indexes()
    create_tables()
    for statement in (SIZES, COUNTS, TOTALS):
        op.execute(statement)


def add_columns() -> None:
    for column in (
        sa.Column("uncounted", sa.Integer, nullable=False, server_default="0"),
        sa.Column("size", sa.Integer, nullable=False, server_default="0"),
        sa.Column("session", sa.Text),
        sa.Column("expires_at", sa.BigInteger),
    ):
        op.add_column("message", column)
    op.add_column("message_body", sa.Column("form", sa.Integer, nullable=False, server_default="0"))
    op.add_column("message_body", sa.Column("session_id", sa.Text))


def replace_indexes() -> None:
    op.drop_index("ix_message_active")
    in_order = ["entity", "session", "sequence_number"]
    held = "until = 4611686018427387904 AND session IS NOT NULL"
    for name, columns, condition in (
        ("ix_message_active", ["entity", "sequence_number"], "state = 0 AND session IS NULL"),
        ("ix_message_expires", ["expires_at"], "state = 0 AND expires_at IS NOT NULL"),
        ("ix_message_session", in_order, "session IS NOT NULL"),
        ("ix_message_session_active", in_order, "state = 0 AND session IS NOT NULL"),
        ("ix_message_session_locked", in_order, held),
    ):
        op.create_index(name, "message", columns, sqlite_where=sa.text(condition))


def create_tables() -> None:
    op.create_table(
        "entity_count",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("scheduled", sa.Integer, nullable=False),
        sa.Column("deferred", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "duplicate",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_duplicate_until", "duplicate", ["until"])
    op.create_table(
        "session_state",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "subscription_rule",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("name", sa.Text(collation="NOCASE"), primary_key=True),
        sa.Column("filter", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "configured_rules",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("rules", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
