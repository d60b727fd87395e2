"""The data folder of one process: its database, and the tables in it."""

from pathlib import Path

from shared.connector.stores.polled_history_tables import SCHEMA as POLLED_HISTORY_SCHEMA
from shared.connector.stores.tables import SCHEMA as CONNECTOR_SCHEMA
from shared.data_keys.tables import SCHEMA as DATA_KEYS_SCHEMA
from shared.events.tables import SCHEMA as EVENTS_SCHEMA
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.scheduler.stores.tables import SCHEMA as SCHEDULER_SCHEMA
from shared.sql.data_folder import DataFolder
from shared.sql.database_file import bring_up_to_date as make_tables

DATABASE_FILE = "tocsin.db"
# The data keys take over a table that the connector then drops.
SCHEMAS_OF_PARTS = (
    EVENTS_SCHEMA,
    DATA_KEYS_SCHEMA,
    CONNECTOR_SCHEMA,
    POLLED_HISTORY_SCHEMA,
    SCHEDULER_SCHEMA,
)
SCHEMAS = (BROKER_SCHEMA, *SCHEMAS_OF_PARTS)


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
    """Make the tables of every part that are missing; raises what `database_file.bring_up_to_date` does."""
    make_tables(database_file, SCHEMAS)
