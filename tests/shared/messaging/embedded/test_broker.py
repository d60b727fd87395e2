from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from tests.clocks import FakeClock
from tests.contracts.broker import BrokerContract
from tests.contracts.broker_steps import QUEUES, TOPICS


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    return path


@pytest.fixture
async def broker(database: Database, clock: FakeClock) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(database, clock=clock, queues=QUEUES, topics=TOPICS)
    yield broker
    await broker.close()


class TestInline(BrokerContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = InlineDatabase(path)
        yield database
        await database.close()


class TestWithThreads(BrokerContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = SqliteDatabase(path)
        yield database
        await database.close()
