"""Where the keys come from, and what is sealed under each of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection

from shared.bootstrap.data_folder import DATABASE_FILE
from shared.connector.stores.sealed_operations import SealedOperations
from shared.data_keys.key_check import KeyChecks
from shared.data_keys.sealed_rows import Position, SealedRows
from shared.errors import ConfigurationError
from shared.events.sealed_secrets import SealedSecrets
from shared.key_ring import KeyRing, load_key_file, parse_key_ring
from shared.scheduler.stores.sealed_jobs import SealedJobs
from shared.sealing import key_id_of
from shared.settings import Settings
from shared.sql.database_file import usable
from shared.sql.sqlite import sqlite_engine

ROWS_AT_ONCE = 500
KEY_VAULT_REFERENCE = "@Microsoft.KeyVault("


def sealed_tables() -> Sequence[SealedRows]:
    """Return every table that holds sealed values; each user of `Sealer.seal` that stores what it gets is here."""
    return (KeyChecks(), SealedJobs(), SealedOperations(), SealedSecrets())


def load_key_ring(settings: Settings) -> KeyRing:
    """Return the ring that the settings name.

    Raises:
        ConfigurationError: there is none, or it is malformed; its content is never part of the message.
    """
    if settings.data_keys is None:
        if settings.data_key_file is None:
            raise ConfigurationError(
                "the setting TOCSIN_DATA_KEY_FILE is missing (or TOCSIN_DATA_KEYS)"
            )
        return load_key_file(settings.data_key_file)
    if settings.data_key_file is not None:
        raise ConfigurationError(
            "TOCSIN_DATA_KEYS and TOCSIN_DATA_KEY_FILE are both there; leave one out"
        )
    try:
        return parse_key_ring(settings.data_keys)
    except ValueError as error:
        reason = str(error)
    if settings.data_keys.startswith(KEY_VAULT_REFERENCE):
        reason = "the platform could not resolve its Key Vault reference"
    raise ConfigurationError(f"cannot read the data-encryption keys of TOCSIN_DATA_KEYS: {reason}")


def count_sealed_values(data_dir: Path, *, database_url: str | None = None) -> Mapping[str, int]:
    """Return how many sealed values of a data folder, or of a database elsewhere, are under each key, also while
    somebody runs on it.

    Raises:
        ConfigurationError: there is no database, or it cannot be read.
        TransientError: its server does not answer.
    """
    counted: Counter[str] = Counter()
    # One state of the database, so that no value is missed that moves from key to key meanwhile.
    with reading_server(database_url) if database_url else reading_file(data_dir) as connection:
        for table in sealed_tables():
            count(connection, table, counted)
    return counted


@contextmanager
def reading_file(data_dir: Path) -> Iterator[Connection]:
    database_file = data_dir / DATABASE_FILE
    if not database_file.exists():
        raise ConfigurationError(f"there is no database in {data_dir}")
    engine = sqlite_engine(database_file)
    try:
        with usable(database_file), engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


def reading_server(url: str) -> AbstractContextManager[Connection]:
    from shared.sql import database_server

    return database_server.reading(url)


def count(connection: Connection, table: SealedRows, counted: Counter[str]) -> None:
    def tally(sealed: str) -> str:
        if key_id := key_id_of(sealed):
            counted[key_id] += 1
        return sealed

    after: Position | None = None
    while rows := table.read(connection, after=after, limit=ROWS_AT_ONCE):
        for row in rows:
            table.map_sealed(row.text, tally)
        after = rows[-1].position
