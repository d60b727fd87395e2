from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import TOCSIN_QUEUES
from shared.scheduler.store import SchedulerStore
from shared.scheduler.stores.sql import sql_store
from shared.scheduler.stores.tables import SCHEMA
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from tests.clocks import FakeClock
from tests.contracts.scheduler_store import SchedulerStoreContract


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, BROKER_SCHEMA)
    migrate(engine, SCHEMA)
    engine.dispose()
    return path


@pytest.fixture
async def store(database: Database) -> AsyncIterator[SchedulerStore]:
    broker = EmbeddedBroker(database, clock=FakeClock(), queues=TOCSIN_QUEUES)
    yield sql_store(broker)
    await broker.close()


class TestInline(SchedulerStoreContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = InlineDatabase(path)
        yield database
        await database.close()


class TestWithThreads(SchedulerStoreContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = SqliteDatabase(path)
        yield database
        await database.close()
