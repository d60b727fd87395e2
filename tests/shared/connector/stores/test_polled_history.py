from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.clocks import FakeClock
from tests.contracts.polled_history_store import PolledHistoryStoreContract
from tests.contracts.scheduler_client import server_app
from tests.shared.connector.polling import Poller, build_poller, polled_database


class TestPolledHistory(PolledHistoryStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Poller]:
        async with polled_database(self.folder) as database:
            yield build_poller(database, server_app, FakeClock())
