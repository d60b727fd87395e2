"""The data folder of one process: its database, and the tables in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from shared.connector.stores.tables import SCHEMA as CONNECTOR_SCHEMA
from shared.data_keys.tables import SCHEMA as DATA_KEYS_SCHEMA
from shared.errors import ConfigurationError
from shared.events.tables import SCHEMA as EVENTS_SCHEMA
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.scheduler.stores.tables import SCHEMA as SCHEDULER_SCHEMA
from shared.sql.data_folder import DataFolder
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine

DATABASE_FILE = "tocsin.db"
# The data keys take over a table that the connector then drops.
SCHEMAS = (BROKER_SCHEMA, EVENTS_SCHEMA, DATA_KEYS_SCHEMA, CONNECTOR_SCHEMA, SCHEDULER_SCHEMA)


def migrate_data_folder(path: Path) -> None:
    """Bring the tables in a data folder up to date, for a program that is about to become another which runs on it.

    Raises:
        ConfigurationError: another process owns the folder, or it cannot be used.
    """
    folder = DataFolder(path)
    try:
        bring_up_to_date(path / DATABASE_FILE)
    finally:
        folder.close()


def bring_up_to_date(database_file: Path) -> None:
    """Make the tables that are missing.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    engine = sqlite_engine(database_file)
    try:
        for schema in SCHEMAS:
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
