"""The tables of the connector.

`operation.number` is the order of acceptance. `blocks` is the path of an unfinished write and NULL otherwise, so that
its index holds only what somebody may have to wait for. A parked operation has `waits_for` > 0 and no `due_at`.
`releasing_since` is there while an operation that has ended keeps others parked: more than one transaction releases.
`result` is at most 64 KB; a larger one is in a table of its own until `large_result_until`. `operation_reply` holds
what is still to be sent to the queues that commands named.
`path` is the ordering path of the resource; lists find by it, and by the scopes it lies in, each with its status.
"""

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from shared.messaging.work_table import sweep_index, work_columns
from shared.sql.columns import BY_CODE_POINT, NUMBER, only_where
from shared.sql.migrations import Schema

SCHEMA = Schema(name="connector", scripts=Path(__file__).parent / "migrations", head="0005")

metadata = MetaData()

operation = Table(
    "operation",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("command", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("path", Text, nullable=False, server_default=""),
    Column("service_scope", Text),
    Column("collection_scope", Text),
    Column("blocks", BY_CODE_POINT),
    Column("status", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("correlation_id", Text),
    Column("traceparent", Text),
    Column("sealed_body", Text),
    Column("if_match", Text),
    Column("time_limit", BigInteger, nullable=False),
    Column("deadline_at", BigInteger),
    Column("requested_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("waits_for", Integer, nullable=False),
    Column("releasing_since", BigInteger),
    Column("phase", Text, nullable=False, server_default="send"),
    Column("request_id", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("polls", Integer, nullable=False, server_default="0"),
    Column("missing_since", BigInteger),
    Column("is_outcome_unknown", Integer, nullable=False, server_default="0"),
    Column("http_status", Integer),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("result", Text),
    Column("large_result_until", BigInteger),
    Column("reply_queue", Text),
    Column("reply_session_id", Text),
    Column("reply_correlation_id", Text),
    *work_columns(),
    sqlite_autoincrement=True,
)
sweep_index(operation)
Index(
    "ix_operation_blocks",
    operation.c.blocks,
    operation.c.number,
    **only_where(operation.c.blocks.is_not(None)),
)
Index(
    "ix_operation_finished_at",
    operation.c.finished_at,
    **only_where(operation.c.finished_at.is_not(None)),
)
Index(
    "ix_operation_releasing_since",
    operation.c.releasing_since,
    **only_where(operation.c.releasing_since.is_not(None)),
)
for scope in (None, "service_scope", "collection_scope", "path"):
    columns = [*([] if scope is None else [scope]), "status", "requested_at", "number"]
    Index(f"ix_operation_{scope or 'status'}_listed", *(operation.c[name] for name in columns))

waiting = Table(
    "operation_waiting",
    metadata,
    Column("predecessor", NUMBER, primary_key=True, autoincrement=False),
    Column("successor", NUMBER, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

large_result = Table(
    "operation_result",
    metadata,
    Column("operation_id", Text, primary_key=True),
    Column("result", Text, nullable=False),
    Column("kept_until", BigInteger, nullable=False, index=True),
)

reply = Table(
    "operation_reply",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("operation_id", Text, nullable=False, unique=True),
    Column("queue", BY_CODE_POINT, nullable=False),
    Column("session_id", Text),
    Column("correlation_id", Text),
    Column("event", LargeBinary, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_operation_reply_queue", reply.c.queue, reply.c.number)

request_key = Table(
    "request_key",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("operation_ids", Text, nullable=False),
    Column("accepted_at", BigInteger, nullable=False, index=True),
)
