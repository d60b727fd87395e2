"""What every database does."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from shared.errors import ConflictError, TransientError
from shared.sql.database import Database, Transaction
from tests.clocks import settle

INSERT = text("INSERT INTO word VALUES (:word)")


def make_table(tx: Transaction) -> None:
    tx.connection.exec_driver_sql("CREATE TABLE word (text TEXT PRIMARY KEY)")


def write(tx: Transaction, word: str) -> None:
    tx.connection.execute(INSERT, {"word": word})


def run_text(tx: Transaction, statement: str, word: str) -> None:
    tx.connection.execute(text(statement), {"word": word}).close()


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
    """A subclass has the fixture `database`, which is empty, and the words in which it refuses."""

    no_table: str
    no_writing: str

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

        *rivals, third = outcomes
        assert sum(outcome is None for outcome in rivals) == 1
        assert third is None
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

    async def test_p8_error_shows_no_value(
        self, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        await database.run(make_table)
        await database.run(lambda tx: write(tx, "x9x9x9"))

        failures: list[Exception] = []
        for statement in (
            "INSERT INTO word VALUES (:word)",
            "DELETE FROM word WHERE no = :word",
            "SELECT CAST(:word AS INTEGER) / 0",
        ):
            try:
                await database.run(partial(run_text, statement=statement, word="x9x9x9"))
            except DBAPIError as error:
                failures.append(error)

        assert len(failures) >= 2
        assert "x9x9x9" not in f"{failures} {caplog.text}"

    async def test_cancelled_caller_still_writes(self, database: Database) -> None:
        await database.run(make_table)
        task = asyncio.ensure_future(database.run(lambda tx: write(tx, "a")))
        await settle(1)

        task.cancel()
        await asyncio.wait([task])

        await database.run(lambda tx: write(tx, "b"))
        async with asyncio.timeout(10):
            # Some databases run transactions beside each other.
            while await database.read(words) != ["a", "b"]:
                await settle()

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

    async def test_stop_iteration_reaches_the_caller_as_an_error(self, database: Database) -> None:
        def stop(_: Transaction) -> None:
            raise StopIteration

        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(database.run(stop), 10)

    @pytest.mark.parametrize("is_short", [True, False])
    async def test_faulty_query_reaches_its_caller_as_it_is(
        self, database: Database, is_short: bool
    ) -> None:
        with pytest.raises(DBAPIError, match=self.no_table):
            await database.read(words, is_short=is_short)

    @pytest.mark.parametrize("is_short", [True, False])
    async def test_reading_writes_nothing(self, database: Database, is_short: bool) -> None:
        await database.run(make_table)

        with pytest.raises(DBAPIError, match=self.no_writing):
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
