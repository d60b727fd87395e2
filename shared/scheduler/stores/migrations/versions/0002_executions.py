"""When jobs run, their executions, history, skipped occurrences, and what is still to be told.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import NUMBER, only_where

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_job_job_collection_id", "job", ["job_collection_id", "id"])
    create_job_timing()
    create_execution()
    create_history()
    op.create_table(
        "outgoing",
        sa.Column("position", NUMBER, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )


def create_job_timing() -> None:
    op.create_table(
        "job_timing",
        sa.Column("job_id", NUMBER, sa.ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("counted_from", sa.Integer, nullable=False, server_default="0"),
        sa.Column("frequency", sa.Text),
        sa.Column("interval", sa.Integer, nullable=False, server_default="1"),
        sa.Column("anchor", sa.BigInteger),
        sa.Column("drifts", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("count", sa.Integer),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("next_occurrence", sa.BigInteger),
        sa.Column("claimed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("outstanding", sa.Integer, nullable=False, server_default="0"),
        sa.Column("repeats", sa.Integer, nullable=False, server_default="0"),
        sa.Column("active", sa.Text),
        sa.Column("open_skip", NUMBER),
        sa.Column("last_execution", sa.BigInteger),
        sa.Column("executions", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("faults", sa.Integer, nullable=False, server_default="0"),
        sa.Column("ended_at", sa.BigInteger),
    )
    create_partial_index("job_timing", "next_occurrence")
    create_partial_index("job_timing", "ended_at")
    # Jobs from before have never been planned: generation 0 says so, and the engine does it when it meets them.
    op.execute(
        "INSERT INTO job_timing (job_id, generation, next_occurrence)"
        " SELECT id, 0, CASE state WHEN 'enabled' THEN 0 END FROM job"
    )


def create_execution() -> None:
    op.create_table(
        "execution",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("job_id", NUMBER, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("occurrence", sa.BigInteger, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("cloud_service", sa.Text, nullable=False),
        sa.Column("job_collection", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("action_name", sa.Text, nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("recorded", sa.Integer, nullable=False, server_default="0"),
        sa.Column("repeat_count", sa.Integer),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("unrecorded", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("sweep_at", sa.BigInteger),
        sa.Column("wakes", sa.Integer, nullable=False, server_default="0"),
        sa.UniqueConstraint("occurrence", "job_id", "generation", "origin"),
    )
    create_partial_index("execution", "sweep_at")
    create_partial_index("execution", "ended_at")
    op.create_index(
        "ix_execution_job_id", "execution", ["job_id"], **only_where(sa.text("ended_at IS NULL"))
    )


def create_history() -> None:
    op.create_table(
        "history",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("job_id", NUMBER, sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
        sa.Column("execution_id", sa.Text, nullable=False),
        sa.Column("occurrence", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("action_name", sa.Text, nullable=False),
        sa.Column("repeat_count", sa.Integer, nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_history_job_id", "history", ["job_id", "id"])
    op.create_table(
        "skipped",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("job_id", NUMBER, sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_skipped_job_id", "skipped", ["job_id"])


def create_partial_index(table: str, column: str) -> None:
    op.create_index(
        f"ix_{table}_{column}", table, [column], **only_where(sa.text(f"{column} IS NOT NULL"))
    )
