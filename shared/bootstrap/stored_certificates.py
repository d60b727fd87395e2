"""The management certificates of a data folder on which nothing runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.bootstrap.data_folder import DATABASE_FILE, bring_up_to_date
from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.scheduler.service.certificates import ManagementCertificates
from shared.scheduler.stores.certificates import SqlCertificates
from shared.sql.data_folder import DataFolder
from shared.sql.database import Database
from shared.sql.sqlite import SqliteDatabase


@dataclass(frozen=True, slots=True)
class StoredCertificates:
    """The certificates and the database in which they are."""

    certificates: ManagementCertificates
    database: Database


@asynccontextmanager
async def stored_certificates(path: Path, *, clock: Clock) -> AsyncIterator[StoredCertificates]:
    """Hold a data folder while the block runs.

    Raises:
        ConfigurationError: another process owns it, it cannot be used, or nothing was ever started on it.
    """
    file = path / DATABASE_FILE
    if not has_database(file):
        raise ConfigurationError(f"there is no {file}; start a service on this folder first")
    folder = DataFolder(path)
    try:
        bring_up_to_date(file)
        database = SqliteDatabase(file, clock=clock)
        try:
            certificates = ManagementCertificates(database, SqlCertificates(), identity_clock=clock)
            yield StoredCertificates(certificates, database)
        finally:
            await database.close()
    finally:
        folder.close()


def has_database(file: Path) -> bool:
    return file.exists()
