"""Operations, what waits for what, and the keys of requests."""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import BY_CODE_POINT, NUMBER, only_where

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operation",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("blocks", BY_CODE_POINT),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text),
        sa.Column("sealed_body", sa.Text),
        sa.Column("if_match", sa.Text),
        sa.Column("time_limit", sa.BigInteger, nullable=False),
        sa.Column("deadline_at", sa.BigInteger),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("waits_for", sa.Integer, nullable=False),
        sa.Column("releasing_since", sa.BigInteger),
        sa.Column("phase", sa.Text, nullable=False, server_default="send"),
        sa.Column("request_id", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("polls", sa.Integer, nullable=False, server_default="0"),
        sa.Column("missing_since", sa.BigInteger),
        sa.Column("is_outcome_unknown", sa.Integer, nullable=False, server_default="0"),
        sa.Column("http_status", sa.Integer),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("unrecorded", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("sweep_at", sa.BigInteger),
        sa.Column("wakes", sa.Integer, nullable=False, server_default="0"),
        sqlite_autoincrement=True,
    )
    for name, columns, condition in (
        ("ix_operation_sweep_at", ["sweep_at"], "sweep_at IS NOT NULL"),
        ("ix_operation_blocks", ["blocks", "number"], "blocks IS NOT NULL"),
        ("ix_operation_finished_at", ["finished_at"], "finished_at IS NOT NULL"),
        (
            "ix_operation_releasing_since",
            ["releasing_since"],
            "releasing_since IS NOT NULL",
        ),
    ):
        op.create_index(name, "operation", columns, **only_where(sa.text(condition)))
    op.create_table(
        "operation_waiting",
        sa.Column("predecessor", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("successor", NUMBER, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "request_key",
        sa.Column("caller", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("operation_ids", sa.Text, nullable=False),
        sa.Column("accepted_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_request_key_accepted_at", "request_key", ["accepted_at"])
    op.create_table("key_check", sa.Column("sealed", sa.Text, primary_key=True))
