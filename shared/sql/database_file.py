"""A SQLite file as a program finds it: brought up to date before it is used, or refused with a reason."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from shared.errors import ConfigurationError
from shared.sql.migrations import Schema, migrate
from shared.sql.sqlite import sqlite_engine


def bring_up_to_date(database_file: Path, schemas: Sequence[Schema]) -> None:
    """Make the tables that are missing.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    engine = sqlite_engine(database_file)
    try:
        for schema in schemas:
            migrate(engine, schema)
    except DBAPIError as error:
        raise ConfigurationError(
            f"cannot use the database {str(database_file)!r}: {error.orig}"
        ) from error
    except Exception as error:
        # Alembic's own, for a revision that it does not know: the file is of a newer version.
        raise ConfigurationError(
            f"cannot bring the database {str(database_file)!r} up to date: {error}"
        ) from error
    finally:
        engine.dispose()


@contextmanager
def usable(database_file: Path) -> Iterator[None]:
    """Raise ConfigurationError for what the database itself does not bear: a damaged page, a table that is gone."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"cannot use the database {str(database_file)!r}: {error}"
        ) from error
