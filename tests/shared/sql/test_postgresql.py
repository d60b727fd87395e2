from collections.abc import AsyncIterator, Iterator

import pytest

from shared.sql.postgresql import PostgresDatabase
from tests.contracts.database import DatabaseContract
from tests.postgres import EMPTY, Databases


@pytest.fixture
def url(postgres: Databases) -> Iterator[str]:
    with postgres.one(EMPTY) as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(url)
    yield database
    await database.close()


class TestPostgresDatabase(DatabaseContract):
    no_table = 'relation "word" does not exist'
    no_writing = "cannot execute INSERT in a read-only transaction"
