"""Create the check of the data key, and take over the one that connectors had.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("data_key_check", sa.Column("sealed", sa.Text, primary_key=True))
    if sa.inspect(op.get_bind()).has_table("key_check"):
        op.execute("INSERT INTO data_key_check (sealed) SELECT sealed FROM key_check")
