from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.connector.stores.polled_history import SqlPolledHistory
from shared.events.log import EventLog
from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.clocks import FakeClock
from tests.contracts.polled_history_store import PolledHistoryStoreContract


@dataclass
class PolledWorld:
    store: SqlPolledHistory
    log: EventLog


class TestPolledHistory(PolledHistoryStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path, database: PostgresDatabase) -> None:
        self.folder = tmp_path
        self.database = database

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PolledWorld]:
        clock = FakeClock()
        async with broker_apart(self.folder, clock) as broker:
            log = EventLog(self.database, clock, broker)
            yield PolledWorld(SqlPolledHistory(self.database, log), log)
