"""The tables of the Scheduler service; `key` is a name in lower case, by which it is found and unique.

Ids are never given again (AUTOINCREMENT), so that an operation cannot mistake a new resource for the one it is about.
"""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from shared.messaging.work_table import sweep_index, work_columns
from shared.sql.columns import BY_CODE_POINT, NUMBER, only_where
from shared.sql.migrations import Schema

SCHEMA = Schema(name="scheduler", scripts=Path(__file__).parent / "migrations", head="0004")
LEASE = timedelta(seconds=90)
"""Of an operation of the service and of an execution, whose action may take 60 s."""

metadata = MetaData()


def partial_index(column: Column[int]) -> Index:
    """Return the index of the rows that have the column at all."""
    return Index(f"ix_{column.table.name}_{column.name}", column, **only_where(column.is_not(None)))


cloud_service = Table(
    "cloud_service",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("subscription", Text, nullable=False),
    Column("key", BY_CODE_POINT, nullable=False),
    Column("name", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("is_deleting", Boolean, nullable=False),
    UniqueConstraint("subscription", "key"),
    sqlite_autoincrement=True,
)

job_collection = Table(
    "job_collection",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column(
        "cloud_service_id",
        NUMBER,
        ForeignKey("cloud_service.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("key", BY_CODE_POINT, nullable=False),
    Column("name", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("operation_type", Text, nullable=False),
    Column("operation_result", Text, nullable=False),
    Column("error_message", Text),
    Column("is_deleting", Boolean, nullable=False),
    Column("state", Text, nullable=False, server_default="Started"),
    Column("surface", Text, nullable=False, server_default="classic"),
    UniqueConstraint("cloud_service_id", "key"),
    sqlite_autoincrement=True,
)

job = Table(
    "job",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("job_collection_id", NUMBER, ForeignKey("job_collection.id"), nullable=False),
    Column("key", BY_CODE_POINT, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("is_held", Boolean, nullable=False, server_default="0"),
    UniqueConstraint("job_collection_id", "key"),
    sqlite_autoincrement=True,
)
Index("ix_job_job_collection_id", job.c.job_collection_id, job.c.id)

service_operation = Table(
    "service_operation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subscription", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("answer_status", Integer, nullable=False),
    Column("answer_etag", Text),
    Column("answer_body", LargeBinary),
    Column("error_status", Integer),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("request_fingerprint", Text),
    Column("cloud_service_id", NUMBER),
    Column("job_collection_id", NUMBER),
    Column("kept_until", BigInteger, nullable=False),
    Column("argument", Text),
    *work_columns(),
)
sweep_index(service_operation)
Index("ix_service_operation_kept_until", service_operation.c.kept_until)

job_timing = Table(
    "job_timing",
    metadata,
    Column("job_id", NUMBER, ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("counted_from", Integer, nullable=False, server_default="0"),
    Column("frequency", Text),
    Column("interval", Integer, nullable=False, server_default="1"),
    Column("anchor", BigInteger),
    Column("drifts", Boolean, nullable=False, server_default="0"),
    Column("count", Integer),
    Column("end_time", BigInteger),
    Column("next_occurrence", BigInteger),
    Column("claimed", Integer, nullable=False, server_default="0"),
    Column("outstanding", Integer, nullable=False, server_default="0"),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("active", Text),
    Column("open_skip", NUMBER),
    Column("last_execution", BigInteger),
    Column("executions", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("faults", Integer, nullable=False, server_default="0"),
    Column("ended_at", BigInteger),
    Column("schedule", Text),
)
partial_index(job_timing.c.next_occurrence)
partial_index(job_timing.c.ended_at)

execution = Table(
    "execution",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job_id", NUMBER, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("origin", Text, nullable=False),
    Column("occurrence", BigInteger, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("cloud_service", Text, nullable=False),
    Column("job_collection", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("action_name", Text, nullable=False),
    Column("retry_count", Integer, nullable=False, server_default="0"),
    Column("recorded", Integer, nullable=False, server_default="0"),
    Column("repeat_count", Integer),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    *work_columns(),
    Column("poll_uri", Text),
    Column("polled_since", BigInteger),
    # Not the job first: what asks for the executions of a job wants those that have not ended, by the index below.
    UniqueConstraint("occurrence", "job_id", "generation", "origin"),
)
sweep_index(execution)
partial_index(execution.c.ended_at)
Index("ix_execution_job_id", execution.c.job_id, **only_where(execution.c.ended_at.is_(None)))

history = Table(
    "history",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("job_id", NUMBER, ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("occurrence", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("action_name", Text, nullable=False),
    Column("repeat_count", Integer, nullable=False),
    Column("retry_count", Integer, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_history_job_id", history.c.job_id, history.c.id)

skipped = Table(
    "skipped",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("job_id", NUMBER, ForeignKey("job.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("is_open", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

outgoing = Table(
    "outgoing",
    metadata,
    Column("position", NUMBER, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

registration = Table(
    "registration",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("resource_type", Text, primary_key=True),
)

management_certificate = Table(
    "management_certificate",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("thumbprint", Text, nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("uploaded_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
