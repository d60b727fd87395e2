"""Where a process keeps everything: a file that it owns, or a database of a server that it shares with others."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol

from shared.bootstrap.data_folder import DATABASE_FILE, SCHEMAS_OF_PARTS, bring_up_to_date
from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.settings import BrokerKind, Settings
from shared.sql.data_folder import DataFolder
from shared.sql.database import Database
from shared.sql.database_file import usable
from shared.sql.sqlite import SqliteDatabase


class Storage(Protocol):
    """`take` comes first, `let_go` when the database is closed."""

    @property
    def is_own(self) -> bool:
        """Whether no other process uses it: what the last owner held is then free."""

    async def take(self) -> None:
        """Make sure that it may be used, and bring its tables up to date.

        Raises:
            ConfigurationError: another process owns it, or it cannot be used.
            TransientError: there is no answer at present.
        """

    def database(self, clock: Clock) -> Database:
        """Open the database."""

    def usable(self) -> AbstractContextManager[None]:
        """Raise ConfigurationError for what the database does not bear while the block runs."""

    def let_go(self) -> None:
        """Let another process take it."""


class OwnFile:
    """SQLite in the data folder."""

    is_own = True

    def __init__(self, settings: Settings) -> None:
        self._path = settings.data_dir
        self._durability = settings.durability
        self._folder: DataFolder | None = None

    async def take(self) -> None:
        self._folder = DataFolder(self._path)
        bring_up_to_date(self._path / DATABASE_FILE)

    def database(self, clock: Clock) -> Database:
        file = self._path / DATABASE_FILE
        return SqliteDatabase(file, clock=clock, durability=self._durability)

    def usable(self) -> AbstractContextManager[None]:
        return usable(self._path / DATABASE_FILE)

    def let_go(self) -> None:
        if self._folder is not None:
            self._folder.close()


class SharedServer:
    """PostgreSQL; its driver is imported only here."""

    is_own = False

    def __init__(self, url: str) -> None:
        self._url = url

    async def take(self) -> None:
        from shared.sql import database_server

        # A server that does not answer takes seconds to be given up, and the event loop has other work.
        with ThreadPoolExecutor(1, thread_name_prefix="migrations") as thread:
            await asyncio.get_running_loop().run_in_executor(
                thread, database_server.bring_up_to_date, self._url, SCHEMAS_OF_PARTS
            )

    def database(self, _: Clock) -> Database:
        from shared.sql.postgresql import PostgresDatabase

        return PostgresDatabase(self._url)

    def usable(self) -> AbstractContextManager[None]:
        from shared.sql import database_server

        return database_server.usable()

    def let_go(self) -> None:
        """Nobody waits for it."""


def storage_of(settings: Settings) -> Storage:
    """Return where the settings say that everything is kept.

    Raises:
        ConfigurationError: they cannot go together.
    """
    if settings.database_url is None:
        return OwnFile(settings)
    if settings.broker is BrokerKind.EMBEDDED:
        raise ConfigurationError(
            "TOCSIN_DATABASE_URL needs TOCSIN_BROKER=servicebus: the embedded broker lives in a data folder,"
            " which one process owns"
        )
    return SharedServer(settings.database_url)
