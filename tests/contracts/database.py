"""What every database does."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

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

    async def test_reading_writes_nothing(self, database: Database) -> None:
        await database.run(make_table)

        with pytest.raises(Exception, match="readonly"):
            await database.read(lambda connection: write(Transaction(connection), "a"))

        assert await database.read(words) == []
        await database.run(lambda tx: write(tx, "b"))

    async def test_closed_database_refuses(self, database: Database) -> None:
        await database.run(make_table)
        await database.close()
        await database.close()

        for call in (
            database.run(lambda tx: write(tx, "a")),
            database.run_grouped(write_all, "a"),
            database.read(words),
        ):
            with pytest.raises(TransientError, match="closed"):
                await call


def limit_pages(tx: Transaction, pages: int) -> int:
    """Make the disk full beyond so many pages."""
    statement = f"PRAGMA max_page_count={pages}"
    return int(tx.connection.exec_driver_sql(statement).scalar_one())
