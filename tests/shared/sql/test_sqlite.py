import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from shared.clock import EPOCH, Clock, SystemClock
from shared.errors import TransientError
from shared.settings import Durability
from shared.sql.database import Transaction
from shared.sql.sqlite import SqliteDatabase
from tests.clocks import FakeClock, settle
from tests.contracts.database import make_table, words, write
from tests.shared.sql.deferred import break_promise, make_promise
from tests.shared.sql.sqlite_contract import SqliteContract


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path, clock=SystemClock())
    yield database
    await database.close()


class ClockOfSlowDisk(SystemClock):
    """Whatever is measured took a second."""

    def __init__(self) -> None:
        self._instant = EPOCH

    def now(self) -> datetime:
        self._instant += timedelta(seconds=1)
        return self._instant


async def eventually(condition: Callable[[], bool]) -> None:
    """Look again and again, at most 10 s: a thread that works at its own pace tells nobody when it is done."""
    async with asyncio.timeout(10):
        while not condition():
            await SystemClock().sleep(timedelta(milliseconds=20))


class TestSqliteDatabase(SqliteContract):
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

        reopened = SqliteDatabase(path, clock=SystemClock())
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

    async def test_failing_query_lets_the_readers_go_on(self, database: SqliteDatabase) -> None:
        for _ in range(3):
            with pytest.raises(OperationalError, match="no such table"):
                await database.read(words)

    async def test_writes_reach_the_main_file_without_a_commit_that_waits_for_it(
        self, path: Path, database: SqliteDatabase
    ) -> None:
        await database.run(make_table)
        await database.run(lambda tx: write(tx, "a" * 100_000))

        await eventually(lambda: path.stat().st_size >= 100_000)

    async def test_lock_of_another_process_does_not_stop_the_event_loop(
        self, path: Path, database: SqliteDatabase
    ) -> None:
        await database.run(make_table)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started = asyncio.get_running_loop().time()

        outcomes = await asyncio.gather(
            *(database.run(partial(write, word=word)) for word in ("a", "b")),
            return_exceptions=True,
        )

        assert asyncio.get_running_loop().time() - started < 5
        assert [type(outcome) for outcome in outcomes] == [TransientError, TransientError]
        assert await database.read(words) == []
        other.close()
        await database.run(lambda tx: write(tx, "c"))
        assert await database.read(words) == ["c"]

    async def test_cancelled_closing_goes_on_and_closing_again_waits_for_it(
        self, database: SqliteDatabase
    ) -> None:
        writing = asyncio.ensure_future(database.run(make_table))
        await settle(1)
        closing = asyncio.ensure_future(database.close())
        await settle(1)

        closing.cancel()
        await asyncio.wait([closing])
        await asyncio.wait_for(database.close(), 10)

        assert closing.cancelled()
        assert writing.done()
        assert "sqlite-checkpoint" not in {thread.name for thread in threading.enumerate()}

    @pytest.mark.parametrize(("durability", "synchronous"), [("power", 2), ("process", 1)])
    async def test_durability_decides_how_a_commit_is_synced(
        self, tmp_path: Path, durability: str, synchronous: int
    ) -> None:
        database = SqliteDatabase(
            tmp_path / "other.db", clock=SystemClock(), durability=Durability(durability)
        )

        def setting(tx: Transaction) -> object:
            return tx.connection.exec_driver_sql("PRAGMA synchronous").scalar()

        assert await database.run(setting) == synchronous
        await database.close()

    async def test_file_that_cannot_be_opened_fails_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(OperationalError, match="unable to open"):
            SqliteDatabase(tmp_path / "missing" / "tocsin.db", clock=SystemClock())


class TestAtDurabilityProcess(TestSqliteDatabase):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[SqliteDatabase]:
        database = SqliteDatabase(path, clock=SystemClock(), durability=Durability.PROCESS)
        yield database
        await database.close()


class TestOnSlowDisk(TestSqliteDatabase):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[SqliteDatabase]:
        database = SqliteDatabase(path, clock=ClockOfSlowDisk())
        yield database
        await database.close()


@pytest.mark.parametrize(("clock", "is_apart"), [(FakeClock(), False), (ClockOfSlowDisk(), True)])
async def test_event_loop_waits_for_a_quick_disk_and_a_thread_for_a_slow_one(
    path: Path, clock: Clock, is_apart: bool
) -> None:
    committers: list[str] = []

    def note_commit(action: int, argument: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_TRANSACTION and argument == "COMMIT":
            committers.append(threading.current_thread().name)
        return sqlite3.SQLITE_OK

    database = SqliteDatabase(path, clock=clock)
    (await database.run(lambda tx: tx.driver)).set_authorizer(note_commit)

    await database.run(make_table)

    here = threading.current_thread().name
    assert committers == ["sqlite-commit" if is_apart else here]
    await database.close()


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_end_of_the_process_passes_and_nobody_waits_for_ever(
    path: Path, end: type[BaseException]
) -> None:
    def interrupt(tx: Transaction) -> None:
        write(tx, "a")
        raise end

    with asyncio.Runner() as runner:
        database = runner.run(opened(path))
        runner.run(database.run(make_table))
        loop = runner.get_loop()
        waiting = loop.create_task(database.run(interrupt))

        with pytest.raises(end):
            loop.run_until_complete(waiting)

        with pytest.raises(TransientError):
            runner.run(asyncio.wait_for(waiting, 10))
        runner.run(database.run(lambda tx: write(tx, "b")))
        assert runner.run(database.read(words)) == ["b"]
        runner.run(asyncio.wait_for(database.close(), 10))


def test_commit_that_outlives_its_loop_is_noted_and_the_database_can_be_closed(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="shared.sql.sqlite")
    loop_is_closed = threading.Event()

    def hold_commit(action: int, argument: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_TRANSACTION and argument == "COMMIT":
            loop_is_closed.wait(10)
        return sqlite3.SQLITE_OK

    with asyncio.Runner() as runner:
        database = runner.run(opened(path))
        runner.run(database.run(lambda tx: tx.driver)).set_authorizer(hold_commit)
        runner.get_loop().create_task(database.run(make_table))
        runner.run(settle())
    loop_is_closed.set()

    asyncio.run(eventually(lambda: "nobody waits" in caplog.text))
    asyncio.run(asyncio.wait_for(database.close(), 10))


async def opened(path: Path) -> SqliteDatabase:
    return SqliteDatabase(path, clock=ClockOfSlowDisk())


async def test_short_queries_alone_run_on_the_event_loop(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "tocsin.db", clock=SystemClock())
    here = threading.get_ident()

    assert await database.read(lambda _: threading.get_ident(), is_short=True) == here
    assert await database.read(lambda _: threading.get_ident()) != here
    await database.close()
