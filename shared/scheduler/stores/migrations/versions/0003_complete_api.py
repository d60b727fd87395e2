"""Schedules, stopped collections, management certificates, registrations of resource types.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_timing", sa.Column("schedule", sa.Text))
    op.add_column("job", sa.Column("is_held", sa.Boolean, nullable=False, server_default="0"))
    op.add_column(
        "job_collection", sa.Column("state", sa.Text, nullable=False, server_default="Started")
    )
    op.add_column(
        "job_collection", sa.Column("surface", sa.Text, nullable=False, server_default="classic")
    )
    op.add_column("service_operation", sa.Column("argument", sa.Text))
    op.create_table(
        "registration",
        sa.Column("subscription", sa.Text, primary_key=True),
        sa.Column("resource_type", sa.Text, primary_key=True),
    )
    create_management_certificate()


def create_management_certificate() -> None:
    op.create_table(
        "management_certificate",
        sa.Column("subscription", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("thumbprint", sa.Text, nullable=False),
        sa.Column("der", sa.LargeBinary, nullable=False),
        sa.Column("uploaded_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
    )
