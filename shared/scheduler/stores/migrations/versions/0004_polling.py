"""Where the target of an execution is asked for what it has accepted, and since when.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("execution", sa.Column("poll_uri", sa.Text))
    op.add_column("execution", sa.Column("polled_since", sa.BigInteger))
