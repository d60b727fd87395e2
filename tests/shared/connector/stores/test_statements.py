"""What acceptance finds to wait for, and that it costs the same however much is waiting."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from shared.connector.stores.tables import SCHEMA, operation
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.contracts.operation_store_steps import COLLECTION, JOB
from tests.predecessors import predecessors, store_unfinished

SEGMENTS = st.sampled_from(["a", "ab", "a-", "ä", "\U0001f600", "0"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=6).map(lambda names: f"/{'/'.join(names)}/")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = sqlite_engine(tmp_path / "t.db")
    migrate(engine, SCHEMA)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PATHS, max_size=12), PATHS)
def test_p3_the_last_unfinished_write_of_each_path_above_and_below_is_waited_for(
    connection: Connection, paths: list[str], path: str
) -> None:
    connection.execute(delete(operation))
    connection.exec_driver_sql("DELETE FROM sqlite_sequence")
    store_unfinished(connection, paths)

    last = {one: number for number, one in enumerate(paths, start=1)}
    concerned = [
        number for one, number in last.items() if one.startswith(path) or path.startswith(one)
    ]
    assert predecessors(connection, path) == sorted(concerned)


@pytest.mark.parametrize(("waiting", "path"), [(JOB, JOB), (JOB, COLLECTION), (COLLECTION, JOB)])
def test_p12_to_find_them_takes_the_same_steps_with_a_long_backlog(
    connection: Connection, waiting: str, path: str
) -> None:
    store_unfinished(connection, [waiting] * 10)
    short = steps_to_find(connection, path)
    connection.execute(delete(operation))
    store_unfinished(connection, [waiting] * 1000)

    assert steps_to_find(connection, path) == short


def steps_to_find(connection: Connection, path: str) -> int:
    """Return how many instructions of its machine SQLite needs."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(count, 1)
    assert len(predecessors(connection, path)) == 1
    driver.set_progress_handler(None, 1)
    return steps
