"""What every database does."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from shared.errors import ConflictError, TransientError
from shared.sql.database import Database, Transaction
from tests.clocks import settle


def make_table(tx: Transaction) -> None:
    tx.connection.exec_driver_sql("CREATE TABLE word (text TEXT PRIMARY KEY)")


def write(tx: Transaction, word: str) -> None:
    tx.connection.exec_driver_sql("INSERT INTO word VALUES (?)", (word,))


def write_all(tx: Transaction, words: Sequence[str]) -> list[str]:
    """A grouped transaction that refuses the word `bad` after writing."""
    for word in words:
        write(tx, word)
        tx.on_commit(lambda: None)
    if "bad" in words:
        raise ConflictError("a bad word")
    return [word.upper() for word in words]


def words(connection: Connection) -> list[str]:
    return [row[0] for row in connection.exec_driver_sql("SELECT text FROM word ORDER BY text")]


class DatabaseContract:
    """A subclass has the fixture `database`, which is empty."""

    async def test_value_comes_back_and_what_was_written_is_read(self, database: Database) -> None:
        await database.run(make_table)

        def write_one(tx: Transaction) -> int:
            write(tx, "a")
            return 7

        assert await database.run(write_one) == 7
        assert await database.read(words) == ["a"]
        assert await database.read(words, is_short=True) == ["a"]

    async def test_exception_reaches_the_caller_and_nothing_is_kept(
        self, database: Database
    ) -> None:
        await database.run(make_table)

        def fail(tx: Transaction) -> None:
            write(tx, "a")
            raise ConflictError("no")

        with pytest.raises(ConflictError, match="no"):
            await database.run(fail)
        assert await database.read(words) == []

    async def test_failing_transaction_takes_no_other_with_it(self, database: Database) -> None:
        await database.run(make_table)

        outcomes = await asyncio.gather(
            database.run(lambda tx: write(tx, "a")),
            database.run(lambda tx: write(tx, "a")),
            database.run(lambda tx: write(tx, "b")),
            return_exceptions=True,
        )

        assert [outcome is None for outcome in outcomes] == [True, False, True]
        assert await database.read(words) == ["a", "b"]

    async def test_every_item_of_a_group_gets_its_value(self, database: Database) -> None:
        await database.run(make_table)

        values = await asyncio.gather(
            *(database.run_grouped(write_all, word) for word in ("a", "b", "c"))
        )

        assert values == ["A", "B", "C"]
        assert await database.read(words) == ["a", "b", "c"]

    async def test_only_the_faulty_item_of_a_group_fails(self, database: Database) -> None:
        await database.run(make_table)

        outcomes = await asyncio.gather(
            *(database.run_grouped(write_all, word) for word in ("a", "bad", "c")),
            return_exceptions=True,
        )

        assert [outcomes[0], outcomes[2]] == ["A", "C"]
        assert isinstance(outcomes[1], ConflictError)
        assert await database.read(words) == ["a", "c"]

    async def test_group_that_answers_too_little_writes_nothing(self, database: Database) -> None:
        await database.run(make_table)

        def forget_one(tx: Transaction, items: Sequence[str]) -> list[None]:
            for word in items:
                write(tx, word)
            return [None] * (len(items) - 1)

        with pytest.raises(ValueError, match="shorter"):
            await database.run_grouped(forget_one, "a")
        assert await database.read(words) == []

    async def test_commit_calls_back_in_order_and_before_the_answer(
        self, database: Database
    ) -> None:
        calls: list[str] = []

        def work(tx: Transaction) -> None:
            tx.on_commit(lambda: calls.append("first"))
            tx.on_commit(lambda: calls.append("second"))

        await database.run(work)

        assert calls == ["first", "second"]

    async def test_rollback_drops_the_callbacks_of_what_failed_only(
        self, database: Database
    ) -> None:
        calls: list[str] = []

        def work(tx: Transaction, items: Sequence[str]) -> list[None]:
            for item in items:
                tx.on_commit(lambda item=item: calls.append(item))  # type: ignore[misc]
            if "bad" in items:
                raise ConflictError("bad")
            return [None] * len(items)

        await asyncio.gather(
            *(database.run_grouped(work, word) for word in ("a", "bad", "c")),
            return_exceptions=True,
        )

        assert calls == ["a", "c"]

    async def test_failing_callback_keeps_no_answer_back(self, database: Database) -> None:
        calls: list[str] = []

        def work(tx: Transaction) -> str:
            tx.on_commit(lambda: calls.remove("nothing"))
            tx.on_commit(lambda: calls.append("called"))
            return "done"

        assert await asyncio.wait_for(database.run(work), 10) == "done"
        assert calls == ["called"]

    async def test_full_disk_is_transient_and_passes(self, database: Database) -> None:
        await database.run(make_table)

        def fill(tx: Transaction) -> None:
            for number in range(1000):
                write(tx, f"{number:4000}")

        pages = await database.run(lambda tx: limit_pages(tx, 40))
        with pytest.raises(TransientError, match="full"):
            await database.run(fill)
        await database.run(lambda tx: limit_pages(tx, 1_000_000))

        await database.run(lambda tx: write(tx, "a"))
        assert pages == 40
        assert await database.read(words) == ["a"]

    async def test_error_of_the_database_shows_no_value(
        self, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        await database.run(make_table)
        await database.run(lambda tx: limit_pages(tx, 20))

        with pytest.raises(TransientError) as caught:
            await database.run(lambda tx: write(tx, "x9" * 100_000))
        with pytest.raises(Exception, match="no such column") as wrong:
            await database.run(
                lambda tx: tx.connection.exec_driver_sql(
                    "DELETE FROM word WHERE no = ?", ("x9" * 3,)
                ).close()
            )

        assert "x9x9x9" not in f"{caught.value} {wrong.value} {caplog.text}"

    async def test_cancelled_caller_still_writes(self, database: Database) -> None:
        await database.run(make_table)
        task = asyncio.ensure_future(database.run(lambda tx: write(tx, "a")))
        await settle(1)

        task.cancel()
        await asyncio.wait([task])

        await database.run(lambda tx: write(tx, "b"))
        assert await database.read(words) == ["a", "b"]

    async def test_transaction_that_is_cancelled_inside_fails_and_the_next_one_passes(
        self, database: Database
    ) -> None:
        await database.run(make_table)

        def cancel(tx: Transaction) -> None:
            write(tx, "a")
            raise asyncio.CancelledError

        with pytest.raises(TransientError):
            await asyncio.wait_for(database.run(cancel), 10)

        await asyncio.wait_for(database.run(lambda tx: write(tx, "b")), 10)
        assert await database.read(words) == ["b"]

    async def test_rollback_that_fails_is_told_and_tried_again(self, database: Database) -> None:
        await database.run(make_table)
        driver = await database.run(lambda tx: tx.driver)

        def fail(tx: Transaction) -> None:
            write(tx, "a")
            driver.set_authorizer(forbid_rollback)
            raise asyncio.CancelledError

        for work in (fail, lambda tx: write(tx, "b")):
            with pytest.raises(TransientError):
                await asyncio.wait_for(database.run(work), 10)
        driver.set_authorizer(None)
        with pytest.raises(TransientError, match="within a transaction"):
            await database.run(lambda tx: write(tx, "c"))

        await database.run(lambda tx: write(tx, "d"))
        assert await database.read(words) == ["d"]

    async def test_stop_iteration_reaches_the_caller_as_an_error(self, database: Database) -> None:
        def stop(_: Transaction) -> None:
            raise StopIteration

        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(database.run(stop), 10)

    async def test_reading_what_another_process_has_locked_is_transient(
        self, database: Database, tmp_path: Path
    ) -> None:
        other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
        other.execute("CREATE TABLE word (text)")
        other.execute("BEGIN EXCLUSIVE")

        def read_locked(connection: Connection) -> None:
            connection.exec_driver_sql(f"ATTACH '{tmp_path / 'other.db'}' AS other")
            connection.exec_driver_sql("SELECT * FROM other.word")

        with pytest.raises(TransientError, match="locked"):
            await database.read(read_locked)

        other.close()

    @pytest.mark.parametrize("is_short", [True, False])
    async def test_faulty_query_reaches_its_caller_as_it_is(
        self, database: Database, is_short: bool
    ) -> None:
        with pytest.raises(OperationalError, match="no such table"):
            await database.read(words, is_short=is_short)

    @pytest.mark.parametrize("is_short", [True, False])
    async def test_reading_writes_nothing(self, database: Database, is_short: bool) -> None:
        await database.run(make_table)

        with pytest.raises(OperationalError, match="readonly"):
            await database.read(
                lambda connection: write(Transaction(connection), "a"), is_short=is_short
            )

        assert await database.read(words, is_short=is_short) == []
        await database.run(lambda tx: write(tx, "b"))

    async def test_closed_database_refuses(self, database: Database) -> None:
        await database.run(make_table)
        await database.close()
        await database.close()

        for call in (
            database.run(lambda tx: write(tx, "a")),
            database.run_grouped(write_all, "a"),
            database.read(words),
            database.read(words, is_short=True),
        ):
            with pytest.raises(TransientError, match="closed"):
                await call


def forbid_rollback(action: int, argument: str | None, *_: object) -> int:
    """An authorizer: SQLite itself refuses the statement, as it may while the disk is broken."""
    forbidden = action == sqlite3.SQLITE_TRANSACTION and argument == "ROLLBACK"
    return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK


def limit_pages(tx: Transaction, pages: int) -> int:
    """Make the disk full beyond so many pages."""
    statement = f"PRAGMA max_page_count={pages}"
    return int(tx.connection.exec_driver_sql(statement).scalar_one())
