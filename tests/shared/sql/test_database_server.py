from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from shared.bootstrap.data_folder import SCHEMAS_OF_PARTS
from shared.errors import ConfigurationError, TransientError
from shared.sql.database_server import bring_up_to_date, usable
from shared.sql.postgresql import postgresql_engine
from tests.ports import free_port
from tests.postgres import EMPTY, Databases


@pytest.fixture
def url(postgres: Databases) -> Iterator[str]:
    with postgres.one(EMPTY) as url:
        yield url


def revisions(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        found = {}
        for schema in SCHEMAS_OF_PARTS:
            row = connection.execute(f"SELECT * FROM {schema.version_table}").fetchone()
            assert row is not None
            found[schema.name] = row[0]
        return found


def test_processes_that_start_at_the_same_time_make_the_tables_once(url: str) -> None:
    with ThreadPoolExecutor(3) as starting:
        for ended in [starting.submit(bring_up_to_date, url, SCHEMAS_OF_PARTS) for _ in range(3)]:
            ended.result(60)

    assert revisions(url) == {schema.name: schema.head for schema in SCHEMAS_OF_PARTS}


def test_tables_of_a_newer_version_are_refused(url: str) -> None:
    schema = SCHEMAS_OF_PARTS[1]
    bring_up_to_date(url, (schema,))
    with psycopg.connect(url) as connection:
        connection.execute(f"UPDATE {schema.version_table} SET version_num = '9999'")

    with pytest.raises(ConfigurationError, match="9999"):
        bring_up_to_date(url, (schema,))


def test_migration_that_fails_leaves_nothing(url: str) -> None:
    schema = replace(SCHEMAS_OF_PARTS[0], head="never")

    with pytest.raises(ConfigurationError):
        bring_up_to_date(url, (schema,))

    with psycopg.connect(url) as connection:
        assert (
            connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            == []
        )


def test_p8_server_that_does_not_answer_is_transient_and_shows_no_password() -> None:
    url = f"postgresql://tocsin:s3cret@127.0.0.1:{free_port()}/tocsin"

    with pytest.raises(TransientError) as caught:
        bring_up_to_date(url, SCHEMAS_OF_PARTS)

    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r} {postgresql_engine(url)!r}"


def test_table_that_is_gone_is_told(url: str) -> None:
    engine = postgresql_engine(url)
    with (
        pytest.raises(ConfigurationError, match='TOCSIN_DATABASE_URL: relation "message" does not'),
        usable(),
        engine.connect() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM message")
    engine.dispose()
