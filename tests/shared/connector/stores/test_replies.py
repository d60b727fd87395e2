"""The SQL store of replies against the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.connector.replies import ReplyStore
from shared.connector.store import OperationStore
from shared.connector.stores.replies import SqlReplyStore
from tests.clocks import FakeClock
from tests.contracts.reply_store import ReplyStoreContract
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import opened


@dataclass
class SqlReplyWorld:
    clock: FakeClock
    operations: OperationStore
    replies: ReplyStore


class TestSqlReplyStore(ReplyStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlReplyWorld]:
        _, client = scripted(answer(200))
        async with opened(self.folder, client) as world:
            yield SqlReplyWorld(world.clock, world.store, SqlReplyStore(world.database))
