from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.sqlite import SqliteDatabase
from tests.contracts.execution_store import ExecutionStoreContract
from tests.shared.scheduler.engine_stack import migrated


class TestInline(ExecutionStoreContract):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        database = InlineDatabase(migrated(tmp_path))
        yield database
        await database.close()


class TestWithThreads(ExecutionStoreContract):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        database = SqliteDatabase(migrated(tmp_path), clock=SystemClock())
        yield database
        await database.close()
