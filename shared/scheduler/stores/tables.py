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

from shared.messaging.work import sweep_index, work_columns
from shared.sql.migrations import Schema

SCHEMA = Schema(name="scheduler", scripts=Path(__file__).parent / "migrations", head="0001")
LEASE = timedelta(seconds=90)

metadata = MetaData()

cloud_service = Table(
    "cloud_service",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscription", Text, nullable=False),
    Column("key", Text, nullable=False),
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
    Column("id", Integer, primary_key=True),
    Column(
        "cloud_service_id",
        Integer,
        ForeignKey("cloud_service.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("operation_type", Text, nullable=False),
    Column("operation_result", Text, nullable=False),
    Column("error_message", Text),
    Column("is_deleting", Boolean, nullable=False),
    UniqueConstraint("cloud_service_id", "key"),
    sqlite_autoincrement=True,
)

job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_collection_id", Integer, ForeignKey("job_collection.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("definition", Text, nullable=False),
    UniqueConstraint("job_collection_id", "key"),
    sqlite_autoincrement=True,
)

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
    Column("cloud_service_id", Integer),
    Column("job_collection_id", Integer),
    Column("kept_until", BigInteger, nullable=False),
    *work_columns(),
)
sweep_index(service_operation)
Index("ix_service_operation_kept_until", service_operation.c.kept_until)
