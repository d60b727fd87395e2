"""Cloud services, job collections, jobs, and the operations on them.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import BY_CODE_POINT, NUMBER, only_where

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_containers()
    op.create_table(
        "job",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("job_collection_id", NUMBER, sa.ForeignKey("job_collection.id"), nullable=False),
        sa.Column("key", BY_CODE_POINT, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.UniqueConstraint("job_collection_id", "key"),
        sqlite_autoincrement=True,
    )
    create_service_operations()


def create_containers() -> None:
    op.create_table(
        "cloud_service",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("key", BY_CODE_POINT, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("is_deleting", sa.Boolean, nullable=False),
        sa.UniqueConstraint("subscription", "key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "job_collection",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column(
            "cloud_service_id",
            NUMBER,
            sa.ForeignKey("cloud_service.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("key", BY_CODE_POINT, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("operation_type", sa.Text, nullable=False),
        sa.Column("operation_result", sa.Text, nullable=False),
        sa.Column("error_message", sa.Text),
        sa.Column("is_deleting", sa.Boolean, nullable=False),
        sa.UniqueConstraint("cloud_service_id", "key"),
        sqlite_autoincrement=True,
    )


def create_service_operations() -> None:
    op.create_table(
        "service_operation",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("answer_status", sa.Integer, nullable=False),
        sa.Column("answer_etag", sa.Text),
        sa.Column("answer_body", sa.LargeBinary),
        sa.Column("error_status", sa.Integer),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("request_fingerprint", sa.Text),
        sa.Column("cloud_service_id", NUMBER),
        sa.Column("job_collection_id", NUMBER),
        sa.Column("kept_until", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("unrecorded", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("sweep_at", sa.BigInteger),
        sa.Column("wakes", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index(
        "ix_service_operation_sweep_at",
        "service_operation",
        ["sweep_at"],
        **only_where(sa.text("sweep_at IS NOT NULL")),
    )
    op.create_index("ix_service_operation_kept_until", "service_operation", ["kept_until"])
