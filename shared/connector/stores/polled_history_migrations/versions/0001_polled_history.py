"""Create the tables of what looks at other Schedulers' histories leave.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "polled_collection",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
        sa.Column("looked_at", sa.BigInteger),
    )
    op.create_table(
        "polled_job",
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("job", sa.Text, primary_key=True),
        sa.Column("attempts", sa.BigInteger),
        sa.Column("last_started", sa.BigInteger),
        sa.Column("known_until", sa.BigInteger),
        sa.Column("complete_at", sa.BigInteger, nullable=False),
        sa.Column("short_looks", sa.Integer, nullable=False),
    )
