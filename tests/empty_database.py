"""A database file with tables and nothing in them, made once: Alembic takes longer than most tests."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.sql.migrations import Schema, migrate
from shared.sql.sqlite import sqlite_engine


@cache
def empty_database(*schemas: Schema) -> bytes:
    """Return the file that the migrations of these components make, in their order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tocsin.db"
        engine = sqlite_engine(path)
        for schema in schemas:
            migrate(engine, schema)
        engine.dispose()
        return path.read_bytes()
