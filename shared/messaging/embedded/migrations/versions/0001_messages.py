"""Messages, their bodies and the sequence numbers given out."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("sequence_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("delivery_count", sa.Integer, nullable=False),
        sa.Column("enqueued_time", sa.BigInteger, nullable=False),
        sa.Column("dead_letter_reason", sa.Text),
        sa.Column("dead_letter_error_description", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_message_active",
        "message",
        ["entity", "sequence_number"],
        sqlite_where=sa.text("state = 0"),
    )
    op.create_index(
        "ix_message_until",
        "message",
        ["state", "until"],
        sqlite_where=sa.text("until IS NOT NULL"),
    )
    op.create_table(
        "message_body",
        sa.Column("sequence_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("attributes", sa.Text),
    )
    op.create_table(
        "message_sequence",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("reserved", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO message_sequence (id, reserved) VALUES (1, 0)")
