"""The broker's tables.

What changes while a message is delivered is a short row of its own; body and attributes are written once, since SQLite
rewrites a whole row at an update. Rows of one entity lie together, so that nothing ever looks at another's. Every index
holds only what its one use needs: what can be received, what waits for an instant, what may expire; and of messages
that belong to a session what can be received, what is delivered, and all.
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

UNTIL_RELEASED = 2**62
"""The lock's end of what is delivered in a session: that is its session's, and known in memory alone."""


class State(IntEnum):
    """Where a stored message stands; `until` is the lock's end or the scheduled instant, NULL for the others."""

    ACTIVE = 0
    LOCKED = 1
    SCHEDULED = 2
    DEFERRED = 3
    DEFERRED_LOCKED = 4


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
    # Deliveries that were taken back: they raised delivery_count, the fence, but do not count.
    Column("uncounted", Integer, nullable=False, server_default="0"),
    Column("size", Integer, nullable=False, server_default="0"),
    Column("session", Text),  # only where the entity requires sessions
    Column("expires_at", BigInteger),
    sqlite_with_rowid=False,
)
Index(
    "ix_message_active",
    message.c.entity,
    message.c.sequence_number,
    sqlite_where=text("state = 0 AND session IS NULL"),
)
Index(
    "ix_message_until",
    message.c.state,
    message.c.until,
    sqlite_where=message.c.until.is_not(None),
)
Index(
    "ix_message_expires",
    message.c.expires_at,
    sqlite_where=text("state = 0 AND expires_at IS NOT NULL"),
)
IN_ORDER = (message.c.entity, message.c.session, message.c.sequence_number)
Index("ix_message_session", *IN_ORDER, sqlite_where=text("session IS NOT NULL"))
Index(
    "ix_message_session_active", *IN_ORDER, sqlite_where=text("state = 0 AND session IS NOT NULL")
)
Index(
    "ix_message_session_locked",
    *IN_ORDER,
    sqlite_where=text(f"until = {UNTIL_RELEASED} AND session IS NOT NULL"),
)

message_body = Table(
    "message_body",
    metadata,
    Column("sequence_number", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("message_id", Text),
    Column("attributes", Text),
    Column("form", Integer, nullable=False, server_default="0"),
    Column("session_id", Text),
)

message_sequence = Table(
    "message_sequence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("reserved", Integer, nullable=False),
)

entity_count = Table(
    "entity_count",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("active", Integer, nullable=False),
    Column("scheduled", Integer, nullable=False),
    Column("deferred", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    sqlite_with_rowid=False,
)

duplicate = Table(
    "duplicate",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_duplicate_until", duplicate.c.until)

session_state = Table(
    "session_state",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("state", LargeBinary, nullable=False),
)

subscription_rule = Table(
    "subscription_rule",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("name", Text(collation="NOCASE"), primary_key=True),
    Column("filter", Text, nullable=False),
    sqlite_with_rowid=False,
)

configured_rules = Table(
    "configured_rules",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("rules", Text, nullable=False),
    sqlite_with_rowid=False,
)

SCHEMA = Schema(name="broker", scripts=Path(__file__).parent / "migrations", head="0002")
