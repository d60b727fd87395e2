from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.connector.stores.key_check import check_key
from shared.connector.stores.tables import SCHEMA
from shared.errors import ConfigurationError
from shared.sealing import Sealer
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine

ONE, OTHER = {"k1": b"1" * 32}, {"k1": b"2" * 32}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[InlineDatabase]:
    migrate(sqlite_engine(tmp_path / "tocsin.db"), SCHEMA)
    database = InlineDatabase(tmp_path / "tocsin.db")
    yield database
    await database.close()


async def test_the_key_of_a_database_is_known_again(database: InlineDatabase) -> None:
    for _ in range(2):
        await database.run(lambda tx: check_key(tx, Sealer(ONE, current="k1")))


async def test_p8_another_key_under_the_same_id_is_refused(database: InlineDatabase) -> None:
    await database.run(lambda tx: check_key(tx, Sealer(ONE, current="k1")))

    with pytest.raises(ConfigurationError, match="restore its key file"):
        await database.run(lambda tx: check_key(tx, Sealer(OTHER, current="k1")))


async def test_a_rotated_ring_that_still_has_the_key_is_good(database: InlineDatabase) -> None:
    await database.run(lambda tx: check_key(tx, Sealer(ONE, current="k1")))

    await database.run(lambda tx: check_key(tx, Sealer({**ONE, "k2": b"3" * 32}, current="k2")))
