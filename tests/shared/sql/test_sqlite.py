import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from shared.clock import SystemClock, sleep
from shared.errors import TransientError
from shared.sql.database import Transaction
from shared.sql.sqlite import Durability, SqliteDatabase
from tests.contracts.database import DatabaseContract, make_table, words, write
from tests.shared.sql.deferred import break_promise, make_promise


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    yield database
    await database.close()


def size(path: Path) -> int:
    return path.stat().st_size


class TestSqliteDatabase(DatabaseContract):
    async def test_callers_that_wait_together_are_one_group(self, database: SqliteDatabase) -> None:
        sizes = []

        def work(_: Transaction, items: Sequence[int]) -> Sequence[int]:
            sizes.append(len(items))
            return items

        answers = await asyncio.gather(*(database.run_grouped(work, n) for n in range(10)))

        assert answers == list(range(10))
        assert sizes == [10]

    async def test_commit_that_fails_reaches_all_who_wait_and_the_next_one_passes(
        self, database: SqliteDatabase
    ) -> None:
        await database.run(make_promise)
        calls = []

        def call_back(tx: Transaction) -> None:
            tx.on_commit(lambda: calls.append("committed"))

        outcomes = await asyncio.gather(
            *(database.run(work) for work in (break_promise, call_back)), return_exceptions=True
        )

        assert [type(outcome) for outcome in outcomes] == [TransientError, TransientError]
        assert calls == []
        await database.run(lambda tx: write(tx, "a"))
        assert await database.read(words) == ["a"]

    async def test_callbacks_run_on_the_event_loop(self, database: SqliteDatabase) -> None:
        threads: list[str] = []

        def work(tx: Transaction) -> None:
            threads.append(threading.current_thread().name)
            tx.on_commit(lambda: threads.append(threading.current_thread().name))

        await database.run(work)

        assert threads == [threading.current_thread().name] * 2

    async def test_closing_finishes_what_was_asked_for(
        self, path: Path, database: SqliteDatabase
    ) -> None:
        await database.run(make_table)
        waiting = [
            asyncio.ensure_future(database.run(partial(write, word=word))) for word in ("a", "b")
        ]
        await asyncio.wait(waiting, timeout=0)

        await asyncio.wait_for(asyncio.gather(database.close(), *waiting), 10)

        reopened = SqliteDatabase(path)
        assert await reopened.read(words) == ["a", "b"]
        await reopened.close()

    async def test_readers_see_what_is_committed_and_nothing_else(
        self, database: SqliteDatabase
    ) -> None:
        await database.run(make_table)
        await database.run(lambda tx: write(tx, "a"))

        def write_and_fail(tx: Transaction) -> None:
            write(tx, "b")
            raise ValueError

        failing = database.run(write_and_fail)
        seen, error = await asyncio.gather(database.read(words), failing, return_exceptions=True)

        assert isinstance(error, ValueError)
        assert seen == await database.read(words) == ["a"]

    async def test_failing_query_reaches_its_caller_and_the_reader_goes_on(
        self, database: SqliteDatabase
    ) -> None:
        for _ in range(3):
            with pytest.raises(OperationalError, match="no such table"):
                await database.read(words)

    async def test_writes_reach_the_main_file_without_a_commit_that_waits_for_it(
        self, path: Path, database: SqliteDatabase
    ) -> None:
        await database.run(make_table)
        await database.run(lambda tx: write(tx, "a" * 100_000))

        async with asyncio.timeout(10):
            while size(path) < 100_000:
                await sleep(SystemClock(), timedelta(milliseconds=20))

    @pytest.mark.parametrize(("durability", "synchronous"), [("power", 2), ("process", 1)])
    async def test_durability_decides_how_a_commit_is_synced(
        self, tmp_path: Path, durability: str, synchronous: int
    ) -> None:
        database = SqliteDatabase(tmp_path / "other.db", durability=Durability(durability))

        def setting(tx: Transaction) -> object:
            return tx.connection.exec_driver_sql("PRAGMA synchronous").scalar()

        assert await database.run(setting) == synchronous
        await database.close()

    async def test_file_that_cannot_be_opened_fails_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(OperationalError, match="unable to open"):
            SqliteDatabase(tmp_path / "missing" / "tocsin.db")
