from collections.abc import AsyncIterator

import pytest

from shared.sql.postgresql import PostgresDatabase


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url)
    yield database
    await database.close()
