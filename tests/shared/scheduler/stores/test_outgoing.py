from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.scheduler.outgoing import OutgoingStore
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.tables import SCHEMA
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from tests.contracts.outgoing_store import OutgoingStoreContract


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    return path


@pytest.fixture
def store() -> OutgoingStore:
    return SqlOutgoing()


class TestInline(OutgoingStoreContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = InlineDatabase(path)
        yield database
        await database.close()


class TestWithThreads(OutgoingStoreContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = SqliteDatabase(path, clock=SystemClock())
        yield database
        await database.close()
