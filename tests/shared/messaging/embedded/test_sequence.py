import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.errors import ConflictError
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.embedded.sequence import SequenceNumbers
from shared.sql.database import Transaction
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[InlineDatabase]:
    migrate(sqlite_engine(tmp_path / "tocsin.db"), SCHEMA)
    database = InlineDatabase(tmp_path / "tocsin.db")
    yield database
    await database.close()


async def test_numbers_are_consecutive_and_unique(database: InlineDatabase) -> None:
    numbers = SequenceNumbers()

    firsts = [await database.run(lambda tx: numbers.take(tx, 700)) for _ in range(5)]

    assert firsts == [1, 701, 1401, 2101, 2801]


async def test_successor_never_gives_a_number_again(database: InlineDatabase) -> None:
    last = 0
    for _ in range(3):
        numbers = SequenceNumbers()
        for count in (1, 999, 1, 1500):
            first = await database.run(lambda tx: numbers.take(tx, count))  # noqa: B023
            assert first > last
            last = first + count - 1


async def test_reservation_that_was_rolled_back_is_made_again(database: InlineDatabase) -> None:
    numbers = SequenceNumbers()

    def fail(tx: Transaction) -> None:
        numbers.take(tx, 1)
        raise ConflictError("no")

    await asyncio.gather(database.run(fail), return_exceptions=True)
    given = await database.run(lambda tx: numbers.take(tx, 1))

    assert await database.run(lambda tx: SequenceNumbers().take(tx, 1)) > given
