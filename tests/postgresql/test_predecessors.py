"""What PostgreSQL reads to find what an operation waits for."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from shared.connector.stores import statements
from shared.connector.stores.sql import conflicting_paths
from shared.sql.postgresql import postgresql_engine
from tests.contracts.operation_store_steps import COLLECTION, JOB
from tests.predecessors import predecessors, store_unfinished

BACKLOG = 3000


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    engine = postgresql_engine(postgres_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize(("waiting", "path"), [(JOB, JOB), (JOB, COLLECTION), (COLLECTION, JOB)])
def test_p12_a_long_backlog_is_not_read(connection: Connection, waiting: str, path: str) -> None:
    store_unfinished(connection, [waiting] * BACKLOG)
    connection.exec_driver_sql("ANALYZE operation")

    read = [(one["Relation Name"], rows_read(one)) for one in scans(plan(connection, path))]

    assert {name for name, _ in read} == {"operation"}
    assert sum(rows for _, rows in read) < 20
    assert len(predecessors(connection, path)) == 1


def test_p12_what_has_ended_since_the_statistics_is_not_read(connection: Connection) -> None:
    store_unfinished(connection, [JOB] * BACKLOG)
    connection.exec_driver_sql("ANALYZE operation")
    connection.exec_driver_sql("UPDATE operation SET blocks = NULL")

    used = {one.get("Index Name") for one in scans(plan(connection, JOB))}

    assert used <= {"ix_operation_blocks", "operation_pkey"}
    assert predecessors(connection, JOB) == []


def plan(connection: Connection, path: str) -> dict[str, Any]:
    text, _, bind = statements.find_predecessors._for(connection.dialect)
    driver = connection.connection.driver_connection
    assert driver is not None
    cursor = driver.cursor()
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", bind(conflicting_paths(path)))
    ((document,),) = cursor.fetchall()
    found: dict[str, Any] = document[0]["Plan"]
    return found


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the parts of a plan that read tables."""
    if "Relation Name" in node:
        yield node
    for one in node.get("Plans", ()):
        yield from scans(one)


def rows_read(node: dict[str, Any]) -> float:
    dropped = node.get("Rows Removed by Filter", 0)
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])
