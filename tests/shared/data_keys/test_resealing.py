"""Rotation: everything ends under the current key, whatever happens on the way."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.clock import SystemClock
from shared.data_keys.resealing import ROWS_AT_ONCE, STEPS_AT_ONCE, Resealing
from shared.events.sealed_secrets import SealedSecrets
from shared.events.stored_secrets import (
    StoredSecret,
    read_secrets,
    secret_context,
    write_secrets,
)
from shared.events.tables import SCHEMA
from shared.sealing import Sealer, key_id_of
from shared.sql.database import Database, GroupWork, Item, Transaction, Value, Work
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from tests.chaos.process import Killed, Life, MortalDatabase

K1, K2 = {"k1": b"1" * 32}, {"k2": b"2" * 32}
OLD, NEW = Sealer(K1, current="k1"), Sealer({**K1, **K2}, current="k2")
ONLY_NEW = Sealer(K2, current="k2")
PAGES = 2 * ROWS_AT_ONCE + 7


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[InlineDatabase]:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(path)
    yield database
    await database.close()


def named(number: int) -> str:
    return f"{number:06}"


def stored(sealed: str) -> str:
    """Return what a row with that one secret holds."""
    return write_secrets([StoredSecret(sealed)])


async def fill(database: Database, count: int, sealer: Sealer = OLD) -> None:
    """Make event subscriptions, each with its id as its secret."""
    rows = [
        (name, stored(sealer.seal(name, context=secret_context(name))))
        for name in map(named, range(count))
    ]

    def insert(transaction: Transaction) -> None:
        transaction.driver.executemany(
            "INSERT INTO event_subscription"
            " (id, sealed_secrets, filter_types, subject_prefix, status, created_at)"
            " VALUES (?, ?, '[]', '', 'enabled', 0)",
            rows,
        )

    await database.run(insert)


async def sealed_texts(database: Database) -> dict[str, str]:
    def query(connection: Connection) -> dict[str, str]:
        rows = connection.exec_driver_sql("SELECT id, sealed_secrets FROM event_subscription")
        return {row[0]: read_secrets(row[1])[0].sealed for row in rows}

    return await database.read(query)


async def keys_in_use(database: Database) -> Counter[str | None]:
    return Counter(key_id_of(text) for text in (await sealed_texts(database)).values())


async def all_open(database: Database, sealer: Sealer) -> bool:
    texts = await sealed_texts(database)
    return all(
        sealer.unseal(text, context=secret_context(name)) == name for name, text in texts.items()
    )


def resealing(database: Database, sealer: Sealer = NEW) -> Resealing:
    return Resealing(database, [SealedSecrets()], sealer=lambda: sealer)


async def test_p8_everything_opens_without_the_old_key_afterwards(database: InlineDatabase) -> None:
    await fill(database, PAGES)

    count = await resealing(database).run_once()

    assert count == PAGES
    assert await keys_in_use(database) == {"k2": PAGES}
    assert await all_open(database, ONLY_NEW)


async def test_statements_run_beside_the_event_loop_as_well(
    database: InlineDatabase, tmp_path: Path
) -> None:
    await fill(database, PAGES)
    threaded = SqliteDatabase(tmp_path / "tocsin.db", clock=SystemClock())

    count = await resealing(threaded).run_once()
    await threaded.close()

    assert count == PAGES
    assert await all_open(database, ONLY_NEW)


async def test_what_is_under_the_current_key_is_not_written(database: InlineDatabase) -> None:
    await fill(database, 3, NEW)
    before = await sealed_texts(database)

    assert await resealing(database).run_once() == 0

    assert await sealed_texts(database) == before


class Watched:
    """A database that tells what it is asked, and lets a test act between a read and what follows it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0
        self.meanwhile: list[Work[object]] = []

    async def run(self, work: Work[Value]) -> Value:
        return await self._database.run(work)

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        return await self._database.run_grouped(work, item)

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        self.reads += 1
        value = await self._database.read(query, is_short=is_short)
        if self.meanwhile:
            await self._database.run(self.meanwhile.pop(0))
        return value

    async def close(self) -> None:
        await self._database.close()


async def test_p12_nothing_is_read_while_there_is_one_key_or_when_all_was_looked_at(
    database: InlineDatabase,
) -> None:
    await fill(database, 1)
    watched = Watched(database)
    rotating = resealing(watched)

    await resealing(watched, OLD).run_once()
    assert watched.reads == 0
    await rotating.run_once()
    assert watched.reads == 1
    await rotating.run_once()
    assert watched.reads == 1


async def test_p12_a_run_is_of_so_many_steps_and_the_next_one_goes_on(
    database: InlineDatabase,
) -> None:
    most = STEPS_AT_ONCE * ROWS_AT_ONCE
    await fill(database, most + 5)
    rotating = resealing(database)

    assert await rotating.run_once() == most
    assert await rotating.run_once() == 5

    assert await keys_in_use(database) == {"k2": most + 5}


def rewriting(name: str) -> Work[object]:
    """Return the work of somebody who changes a row and its text, and keeps the secret in it under the key it has."""

    def work(transaction: Transaction) -> None:
        [row] = SealedSecrets().read(transaction.connection, after=before(name), limit=1)
        sealed = read_secrets(row.text)[0].sealed
        sealer = OLD if key_id_of(sealed) == "k1" else NEW
        secret = sealer.unseal(sealed, context=row.context)
        transaction.driver.execute(
            "UPDATE event_subscription SET name = 'changed', sealed_secrets = ? WHERE id = ?",
            (stored(sealer.seal(secret, context=row.context)), name),
        )

    return work


def before(name: str) -> str:
    return named(int(name) - 1) if int(name) else ""


async def test_p8_rows_that_others_write_meanwhile_are_sealed_anew_and_lose_nothing(
    database: InlineDatabase,
) -> None:
    await fill(database, PAGES)
    watched = Watched(database)
    watched.meanwhile = [rewriting(named(number)) for number in (0, 3, PAGES - 1)]

    await resealing(watched).run_once()

    assert await all_open(database, ONLY_NEW)
    changed = await database.read(
        lambda c: c.exec_driver_sql(
            "SELECT count(*) FROM event_subscription WHERE name = 'changed'"
        ).scalar()
    )
    assert changed == 3


async def test_p8_a_row_that_goes_meanwhile_stays_gone(database: InlineDatabase) -> None:
    await fill(database, 3)
    watched = Watched(database)
    watched.meanwhile = [
        lambda tx: tx.driver.execute("DELETE FROM event_subscription WHERE id = ?", (named(1),))
    ]

    await resealing(watched).run_once()

    assert list(await sealed_texts(database)) == [named(0), named(2)]
    assert await all_open(database, ONLY_NEW)


@pytest.mark.parametrize("strikes_at", range(6))
async def test_p7_a_process_may_die_anywhere_and_the_next_one_ends_it(
    strikes_at: int, database: InlineDatabase
) -> None:
    await fill(database, PAGES)
    mortal = MortalDatabase(database, Life(strikes_at=strikes_at))

    with pytest.raises(Killed):
        await resealing(mortal).run_once()

    assert (await keys_in_use(database))["k2"] == min((strikes_at + 1) // 2 * ROWS_AT_ONCE, PAGES)
    assert await all_open(database, NEW)
    await resealing(database).run_once()
    assert await keys_in_use(database) == {"k2": PAGES}
    assert await all_open(database, ONLY_NEW)


@pytest.mark.parametrize("damaged", ["sealed1.k1.QUJD", "sealed1.k0.QUJD", "plain"])
async def test_p8_what_cannot_be_opened_stays_and_keeps_nobody_up(
    damaged: str, database: InlineDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(database, 3)

    def damage(transaction: Transaction) -> None:
        statement = "UPDATE event_subscription SET sealed_secrets = ? WHERE id = ?"
        transaction.driver.execute(statement, (stored(damaged), named(1)))

    await database.run(damage)

    assert await resealing(database).run_once() == 2

    texts = await sealed_texts(database)
    assert texts[named(1)] == damaged
    assert [key_id_of(texts[named(number)]) for number in (0, 2)] == ["k2", "k2"]
    told: Sequence[logging.LogRecord] = [
        record for record in caplog.records if record.levelno == logging.ERROR
    ]
    assert len(told) == (damaged.startswith("sealed1.k1"))
    assert "QUJD" not in caplog.text
