"""What SQLite does beside the contract: a full disk, a file that another process has locked, a broken rollback."""

import asyncio
import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.errors import TransientError
from shared.sql.database import Database, Transaction
from tests.contracts.database import DatabaseContract, make_table, words, write


class SqliteContract(DatabaseContract):
    """A subclass has the fixture `database`, which is an empty file."""

    no_table = "no such table"
    no_writing = "readonly"

    async def test_full_disk_is_transient_and_passes(self, database: Database) -> None:
        await database.run(make_table)

        def fill(tx: Transaction) -> None:
            for number in range(1000):
                write(tx, f"{number:4000}")

        pages = await database.run(lambda tx: limit_pages(tx, 40))
        with pytest.raises(TransientError):
            await database.run(fill)
        await database.run(lambda tx: limit_pages(tx, 1_000_000))

        await database.run(lambda tx: write(tx, "a"))
        assert pages == 40
        assert await database.read(words) == ["a"]

    async def test_p8_callers_hear_when_to_look_again_and_only_the_log_what_is_wrong(
        self, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        await database.run(make_table)
        await database.run(lambda tx: limit_pages(tx, 20))
        other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(TransientError) as writing:
            await database.run(lambda tx: write(tx, "x" * 100_000))
        with pytest.raises(TransientError) as reading:
            await database.read(partial(read_other, path=tmp_path / "other.db"))

        other.close()
        for caught in (writing, reading):
            assert str(caught.value) == "the database cannot be used at present"
            assert caught.value.retry_after == timedelta(seconds=5)
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
        assert "database or disk is full" in caplog.text
        assert "database is locked" in caplog.messages[-1]

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
        with pytest.raises(TransientError) as third:
            await database.run(lambda tx: write(tx, "c"))
        assert "within a transaction" in str(third.value.__cause__)

        await database.run(lambda tx: write(tx, "d"))
        assert await database.read(words) == ["d"]

    async def test_reading_what_another_process_has_locked_is_transient(
        self, database: Database, tmp_path: Path
    ) -> None:
        other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
        other.execute("CREATE TABLE word (text)")
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(TransientError) as caught:
            await database.read(partial(read_other, path=tmp_path / "other.db"))
        assert "locked" in str(caught.value.__cause__)

        other.close()


def read_other(connection: Connection, path: Path) -> None:
    connection.exec_driver_sql(f"ATTACH '{path}' AS other")
    connection.exec_driver_sql("SELECT * FROM other.word")


def forbid_rollback(action: int, argument: str | None, *_: object) -> int:
    """An authorizer: SQLite itself refuses the statement, as it may while the disk is broken."""
    forbidden = action == sqlite3.SQLITE_TRANSACTION and argument == "ROLLBACK"
    return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK


def limit_pages(tx: Transaction, pages: int) -> int:
    """Make the disk full beyond so many pages."""
    statement = f"PRAGMA max_page_count={pages}"
    return int(tx.connection.exec_driver_sql(statement).scalar_one())
