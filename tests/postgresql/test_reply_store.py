from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.client.memory import MemorySchedulerClient
from shared.connector.stores.replies import SqlReplyStore
from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.clocks import FakeClock
from tests.contracts.reply_store import ReplyStoreContract
from tests.contracts.scheduler_client import server_app
from tests.shared.connector.stores.test_replies import SqlReplyWorld
from tests.shared.connector.world import assemble


class TestReplyStore(ReplyStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path, database: PostgresDatabase) -> None:
        self.folder = tmp_path
        self.database = database

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlReplyWorld]:
        clock = FakeClock()
        async with broker_apart(self.folder, clock) as broker:
            client = MemorySchedulerClient(server_app)
            world = assemble(self.database, client, clock, broker=broker)
            yield SqlReplyWorld(clock, world.store, SqlReplyStore(self.database))
