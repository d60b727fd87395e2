"""Drop the check of the data key: every database has one now, and the connector's was copied to it.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("key_check")
