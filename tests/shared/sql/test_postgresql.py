import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from sqlalchemy import Connection

from shared.errors import TransientError
from shared.sql.database import Transaction
from shared.sql.postgresql import CONNECTIONS, GROUP_LIMIT, PostgresDatabase
from tests.clocks import settle
from tests.contracts.database import DatabaseContract, make_table, words, write
from tests.ports import free_port
from tests.postgres import EMPTY, Databases, PostgresServer
from tests.shared.sql.cutting_proxy import cutting_proxy


@pytest.fixture
def url(postgres: Databases) -> Iterator[str]:
    with postgres.one(EMPTY) as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(url)
    yield database
    await database.close()


def pid_of(tx: Transaction) -> int:
    return int(tx.driver.execute("SELECT pg_backend_pid()").fetchone()[0])


class Gate:
    """Holds transactions in their threads until it is opened."""

    def __init__(self) -> None:
        self._inside = threading.Semaphore(0)
        self._open = threading.Event()

    def hold(self, _: Transaction) -> None:
        self._inside.release()
        assert self._open.wait(20)

    async def entered(self, count: int = 1) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self._inside.acquire, timeout=20)

    def open(self) -> None:
        self._open.set()


class TestPostgresDatabase(DatabaseContract):
    no_table = 'relation "word" does not exist'
    no_writing = "cannot execute INSERT in a read-only transaction"

    async def test_transactions_run_beside_each_other_and_callbacks_on_the_event_loop(
        self, database: PostgresDatabase
    ) -> None:
        gate = Gate()
        threads: set[str] = set()
        called: list[str] = []

        def work(tx: Transaction) -> None:
            gate.hold(tx)
            threads.add(threading.current_thread().name)
            tx.on_commit(lambda: called.append(threading.current_thread().name))

        running = [asyncio.ensure_future(database.run(work)) for _ in range(CONNECTIONS)]
        await gate.entered(CONNECTIONS)
        gate.open()
        await asyncio.gather(*running)

        assert len(threads) == CONNECTIONS
        assert called == [threading.current_thread().name] * CONNECTIONS

    async def test_what_waits_while_all_are_busy_is_one_group_of_bounded_size(
        self, database: PostgresDatabase
    ) -> None:
        gate = Gate()
        sizes: list[int] = []

        def work(_: Transaction, items: Sequence[int]) -> Sequence[int]:
            sizes.append(len(items))
            return items

        busy = [asyncio.ensure_future(database.run(gate.hold)) for _ in range(CONNECTIONS)]
        await gate.entered(CONNECTIONS)
        asked = [
            asyncio.ensure_future(database.run_grouped(work, number))
            for number in range(GROUP_LIMIT + 10)
        ]
        await settle()
        gate.open()

        assert await asyncio.gather(*asked) == list(range(GROUP_LIMIT + 10))
        await asyncio.gather(*busy)
        assert sorted(sizes) == [10, GROUP_LIMIT]

    async def test_closing_finishes_what_was_asked_for(
        self, url: str, database: PostgresDatabase
    ) -> None:
        await database.run(make_table)
        waiting = [
            asyncio.ensure_future(database.run(partial(write, word=str(number))))
            for number in range(3 * CONNECTIONS)
        ]
        await asyncio.wait(waiting, timeout=0)

        await asyncio.wait_for(asyncio.gather(database.close(), *waiting), 20)

        reopened = PostgresDatabase(url)
        assert len(await reopened.read(words)) == 3 * CONNECTIONS
        await reopened.close()

    async def test_reading_sees_one_state(self, database: PostgresDatabase) -> None:
        await database.run(make_table)
        gate = Gate()

        def read_twice(connection: Connection) -> tuple[list[str], list[str]]:
            before = words(connection)
            gate.hold(Transaction(connection))
            return before, words(connection)

        reading = asyncio.ensure_future(database.read(read_twice))
        await gate.entered()
        await database.run(lambda tx: write(tx, "a"))
        gate.open()

        assert await reading == ([], [])

    async def test_deadlock_is_run_again_and_nobody_hears_of_it(
        self, database: PostgresDatabase
    ) -> None:
        await database.run(make_table)
        await database.run(lambda tx: write(tx, "a"))
        await database.run(lambda tx: write(tx, "b"))
        meeting = threading.Barrier(2)
        runs: list[str] = []
        ended: list[str] = []

        def update(tx: Transaction, order: str) -> None:
            for place, word in enumerate(order):
                tx.driver.execute("UPDATE word SET text = text WHERE text = %s", (word,))
                if place == 0 and order not in runs:
                    runs.append(order)
                    meeting.wait(20)
            ended.append(order)

        await asyncio.gather(
            *(database.run(partial(update, order=order)) for order in ("ab", "ba"))
        )

        assert sorted(ended) == ["ab", "ba"]

    async def test_failed_statement_that_was_ignored_is_no_success(
        self, database: PostgresDatabase
    ) -> None:
        await database.run(make_table)

        def ignore(tx: Transaction) -> None:
            write(tx, "a")
            with pytest.raises(psycopg.errors.UndefinedTable):
                tx.driver.execute("SELECT * FROM nowhere")

        with pytest.raises(TransientError, match="ROLLBACK"):
            await database.run(ignore)
        assert await database.read(words) == []

    async def test_p7_lost_connection_costs_one_transaction_and_the_next_one_passes(
        self, url: str, database: PostgresDatabase, caplog: pytest.LogCaptureFixture
    ) -> None:
        await database.run(make_table)

        def be_killed(tx: Transaction) -> None:
            write(tx, "a")
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid_of(tx),))
            write(tx, "b")

        caplog.set_level(logging.CRITICAL, logger="sqlalchemy.pool")
        with pytest.raises(TransientError):
            await database.run(be_killed)

        await database.run(lambda tx: write(tx, "c"))
        assert await database.read(words) == ["c"]

    async def test_connections_that_died_in_the_pool_cost_nobody_anything(
        self, url: str, database: PostgresDatabase
    ) -> None:
        gate = Gate()
        filling = [asyncio.ensure_future(database.run(gate.hold)) for _ in range(CONNECTIONS)]
        await gate.entered(CONNECTIONS)
        gate.open()
        await asyncio.gather(*filling)

        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'tocsin' AND datname = current_database()"
            )

        pids = await asyncio.gather(*(database.run(pid_of) for _ in range(CONNECTIONS)))
        assert all(pids)

    async def test_p1_commit_whose_answer_is_lost_is_no_success_and_not_run_again(
        self, url: str, database: PostgresDatabase
    ) -> None:
        await database.run(make_table)
        runs: list[str] = []

        def insert(tx: Transaction, items: Sequence[str]) -> Sequence[None]:
            runs.extend(items)
            for item in items:
                write(tx, item)
            return [None] * len(items)

        async with cutting_proxy(url, after=b"COMMIT\0") as proxied:
            behind = PostgresDatabase(proxied)
            outcomes = await asyncio.gather(
                *(behind.run_grouped(insert, word) for word in ("a", "b")), return_exceptions=True
            )
            await behind.close()

        assert [type(one) for one in outcomes] == [TransientError, TransientError]
        assert runs == ["a", "b"]
        assert await database.read(words) == ["a", "b"]


async def test_server_that_is_away_is_transient_and_passes() -> None:
    server = PostgresServer()
    database = PostgresDatabase(server.url("postgres"))
    try:
        await database.run(make_table)

        server.stop()
        for _ in range(2):
            with pytest.raises(TransientError):
                await database.run(lambda tx: write(tx, "a"))
            with pytest.raises(TransientError):
                await database.read(words)

        server.start()
        await database.run(lambda tx: write(tx, "b"))
        assert await database.read(words) == ["b"]
    finally:
        await database.close()
        server.close()


async def test_more_connections_than_the_server_has_are_transient(postgres: Databases) -> None:
    with postgres.one(EMPTY) as url, psycopg.connect(url, autocommit=True) as other:
        # Not for us, who are a superuser here.
        other.execute("CREATE ROLE guest LOGIN CONNECTION LIMIT 0")
        guest = PostgresDatabase(url.replace("tocsin@", "guest:s3cret@"))

        with pytest.raises(TransientError) as caught:
            await guest.run(pid_of)

        await guest.close()
        other.execute("DROP ROLE guest")
    assert "too many connections" in str(caught.value.__cause__)
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_p8_callers_hear_when_to_look_again_and_only_the_log_which_server_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    database = PostgresDatabase(f"postgresql://tocsin@127.0.0.1:{port}/tocsin")

    with pytest.raises(TransientError) as changing:
        await database.run(pid_of)
    with pytest.raises(TransientError) as reading:
        await database.read(words)
    await database.close()

    for caught in (changing, reading):
        assert str(caught.value) == "the database cannot be used at present"
        assert caught.value.retry_after == timedelta(seconds=5)
    assert [str(port) in one for one in caplog.messages] == [True, True]
