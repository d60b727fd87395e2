"""The broker's tables.

What changes while a message is delivered is a short row of its own; body and attributes are written once, since SQLite
rewrites a whole row at an update. Rows of one entity lie together, so that nothing ever looks at another's. Of the
indexes one holds what can be received, the other what waits for an instant.
"""

from enum import IntEnum
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
    text,
)

from shared.sql.migrations import Schema


class State(IntEnum):
    """Where a stored message stands; `until` is the lock's end or the scheduled instant, NULL for active ones."""

    ACTIVE = 0
    LOCKED = 1
    SCHEDULED = 2


metadata = MetaData()

message = Table(
    "message",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("sequence_number", Integer, primary_key=True, autoincrement=False),
    Column("state", Integer, nullable=False),
    Column("until", BigInteger),
    Column("delivery_count", Integer, nullable=False),
    Column("enqueued_time", BigInteger, nullable=False),
    Column("dead_letter_reason", Text),
    Column("dead_letter_error_description", Text),
    sqlite_with_rowid=False,
)
Index(
    "ix_message_active",
    message.c.entity,
    message.c.sequence_number,
    sqlite_where=text("state = 0"),
)
Index(
    "ix_message_until",
    message.c.state,
    message.c.until,
    sqlite_where=message.c.until.is_not(None),
)

message_body = Table(
    "message_body",
    metadata,
    Column("sequence_number", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("message_id", Text),
    Column("attributes", Text),
)

message_sequence = Table(
    "message_sequence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("reserved", Integer, nullable=False),
)

SCHEMA = Schema(name="broker", scripts=Path(__file__).parent / "migrations", head="0001")
