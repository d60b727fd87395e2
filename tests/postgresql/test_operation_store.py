from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.client.memory import MemorySchedulerClient
from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.clocks import FakeClock
from tests.contracts.operation_store import OperationStoreContract
from tests.contracts.scheduler_client import server_app
from tests.shared.connector.stores.test_sql import SqlWorld
from tests.shared.connector.world import assemble


class TestOperationStore(OperationStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path, database: PostgresDatabase) -> None:
        self.folder = tmp_path
        self.database = database

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlWorld]:
        clock = FakeClock()
        async with broker_apart(self.folder, clock) as broker:
            client = MemorySchedulerClient(server_app)
            yield SqlWorld(assemble(self.database, client, clock, broker=broker))
