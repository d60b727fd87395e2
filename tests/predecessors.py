"""Unfinished writes as rows, without all that acceptance does for them, and what would wait for them."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert

from shared.connector.stores import statements
from shared.connector.stores.sql import conflicting_paths
from shared.connector.stores.tables import operation


def store_unfinished(connection: Connection, paths: Iterable[str]) -> None:
    """Store unfinished writes of these paths in their order; their numbers follow on those before."""
    rows = [
        {
            "id": f"{place} {path}",
            "command": "CreateOrUpdateJob",
            "resource": path[:-1],
            "path": path,
            "blocks": path,
            "status": "NotStarted",
            "caller": "key",
            "time_limit": 1,
            "requested_at": 1,
            "waits_for": 1,
        }
        for place, path in enumerate(paths)
    ]
    connection.exec_driver_sql("BEGIN")
    if rows:
        connection.execute(insert(operation), rows)
    connection.exec_driver_sql("COMMIT")


def predecessors(connection: Connection, path: str) -> list[int]:
    """Return the numbers of what an operation of this path would wait for."""
    found = statements.find_predecessors.rows(connection, **conflicting_paths(path))
    return sorted(row.number for row in found)
