"""The tables of what looks at other Schedulers' histories leave; names are in lower case, instants in microseconds."""

from pathlib import Path

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

from shared.sql.migrations import Schema

SCHEMA = Schema(
    name="polled_history",
    scripts=Path(__file__).parent / "polled_history_migrations",
    head="0001",
)

metadata = MetaData()

polled_collection = Table(
    "polled_collection",
    metadata,
    Column("path", Text, primary_key=True),
    Column("attempt", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("looked_at", BigInteger),
)

polled_job = Table(
    "polled_job",
    metadata,
    Column("collection", Text, primary_key=True),
    Column("job", Text, primary_key=True),
    Column("attempts", BigInteger),
    Column("last_started", BigInteger),
    Column("known_until", BigInteger),
    Column("complete_at", BigInteger, nullable=False),
    Column("short_looks", Integer, nullable=False),
)
