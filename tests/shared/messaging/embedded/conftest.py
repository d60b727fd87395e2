from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copyfile

import pytest

from shared.messaging.embedded.schema import SCHEMA
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    return path


@pytest.fixture
def path(migrated: Path, tmp_path: Path) -> Path:
    return Path(copyfile(migrated, tmp_path / "tocsin.db"))


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = InlineDatabase(path)
    yield database
    await database.close()
