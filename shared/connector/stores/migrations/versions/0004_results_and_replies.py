"""Keep large results apart from their operations, and replies until they are sent.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import BY_CODE_POINT, NUMBER

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operation", sa.Column("large_result_until", sa.BigInteger))
    op.add_column("operation", sa.Column("reply_queue", sa.Text))
    op.add_column("operation", sa.Column("reply_session_id", sa.Text))
    op.add_column("operation", sa.Column("reply_correlation_id", sa.Text))
    op.create_table(
        "operation_result",
        sa.Column("operation_id", sa.Text, primary_key=True),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("kept_until", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_operation_result_kept_until", "operation_result", ["kept_until"])
    op.create_table(
        "operation_reply",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("operation_id", sa.Text, nullable=False, unique=True),
        sa.Column("queue", BY_CODE_POINT, nullable=False),
        sa.Column("session_id", sa.Text),
        sa.Column("correlation_id", sa.Text),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_operation_reply_queue", "operation_reply", ["queue", "number"])
