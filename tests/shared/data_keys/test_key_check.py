from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.data_keys.key_check import KeyChecks, check_key
from shared.data_keys.tables import SCHEMA
from shared.errors import ConfigurationError
from shared.sealing import Sealer, key_id_of
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine

ONE, OTHER = {"k1": b"1" * 32}, {"k1": b"2" * 32}
BOTH = {**ONE, "k2": b"3" * 32}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[InlineDatabase]:
    migrate(sqlite_engine(tmp_path / "tocsin.db"), SCHEMA)
    database = InlineDatabase(tmp_path / "tocsin.db")
    yield database
    await database.close()


async def check(database: InlineDatabase, keys: dict[str, bytes], *, current: str = "k1") -> None:
    await database.run(lambda tx: check_key(tx, Sealer(keys, current=current)))


async def key_in_use(database: InlineDatabase) -> str | None:
    [row] = await database.read(
        lambda connection: KeyChecks().read(connection, after=None, limit=5)
    )
    return key_id_of(row.text)


async def test_the_key_of_a_database_is_known_again(database: InlineDatabase) -> None:
    for _ in range(2):
        await check(database, ONE)

    assert await key_in_use(database) == "k1"


async def test_p8_another_key_under_the_same_id_is_refused(database: InlineDatabase) -> None:
    await check(database, ONE)

    with pytest.raises(ConfigurationError, match="restore its key file"):
        await check(database, OTHER)


async def test_a_rotated_ring_that_still_has_the_key_is_good(database: InlineDatabase) -> None:
    await check(database, ONE)

    await check(database, BOTH, current="k2")

    assert await key_in_use(database) == "k2"


async def test_p8_a_ring_from_before_a_rotation_is_refused(database: InlineDatabase) -> None:
    await check(database, BOTH, current="k2")

    with pytest.raises(ConfigurationError, match="restore its key file"):
        await check(database, ONE)


async def test_the_check_of_a_connector_from_before_is_taken_over(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "old.db")
    sealed = Sealer(ONE, current="k1").seal("key check", context="key check")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE key_check (sealed TEXT PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO key_check VALUES (:sealed)"), {"sealed": sealed})
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(tmp_path / "old.db")

    await check(database, ONE)
    with pytest.raises(ConfigurationError, match="restore its key file"):
        await check(database, OTHER)

    await database.close()
