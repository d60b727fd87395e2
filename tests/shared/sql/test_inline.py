from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.errors import TransientError
from shared.sql.inline import InlineDatabase
from tests.contracts.database import words
from tests.shared.sql.deferred import break_promise, make_promise
from tests.shared.sql.sqlite_contract import SqliteContract


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[InlineDatabase]:
    database = InlineDatabase(tmp_path / "tocsin.db")
    yield database
    await database.close()


class TestInlineDatabase(SqliteContract):
    async def test_commit_that_fails_is_told_and_the_next_one_passes(
        self, database: InlineDatabase
    ) -> None:
        await database.run(make_promise)

        with pytest.raises(TransientError) as caught:
            await database.run(break_promise)
        assert "FOREIGN KEY" in str(caught.value.__cause__)

        await database.run(
            lambda tx: tx.connection.exec_driver_sql("INSERT INTO word VALUES ('a')").close()
        )
        assert await database.read(words) == ["a"]
