"""What entities hold, kept in the transactions that change it: counting a million rows takes half a second."""

import sqlite3
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from shared.errors import QuotaExceededError
from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.envelope import EntityCounts
from shared.messaging.embedded.namespace import Namespace

UNLIMITED = 2**62


class Tally:
    """What one transaction changes; one statement for each entity, however many messages."""

    __slots__ = ("_changes",)

    def __init__(self) -> None:
        self._changes: dict[str, list[int]] = {}

    def add(self, path: str, *, active: int = 0, scheduled: int = 0, deferred: int = 0) -> None:
        change = self._of(path)
        change[0] += active
        change[1] += scheduled
        change[2] += deferred

    def add_size(self, owner: str, size: int) -> None:
        self._of(owner)[3] += size

    def write(self, driver: sqlite3.Connection, limits: Mapping[str, int] | None = None) -> None:
        """Raises QuotaExceededError when an entity becomes larger than its limit."""
        for path, change in self._changes.items():
            limit = limits.get(path, UNLIMITED) if limits else UNLIMITED
            # The statement checks the limit: one that returns the size takes twice as long.
            counted = driver.execute(sql.COUNT, (path, *change, limit))
            if counted.rowcount == 0 or change[3] > limit:
                raise QuotaExceededError(
                    f"{path!r} may hold {limit} bytes, and has no room for {change[3]} more"
                )

    def _of(self, path: str) -> list[int]:
        change = self._changes.get(path)
        if change is None:
            change = self._changes[path] = [0, 0, 0, 0]
        return change


def counts(connection: Connection, namespace: Namespace) -> Iterator[EntityCounts]:
    """Return what each queue, topic and subscription holds."""
    paths = {**namespace.targets, **namespace.subscriptions}
    for path in paths:
        active, scheduled, deferred, _ = count(connection, path)
        source = namespace.sources.get(path)
        letters = (0, 0, 0, 0)
        if source is not None and source.dead_letter_path is not None:
            letters = count(connection, source.dead_letter_path)
        yield EntityCounts(
            path=path,
            active=active,
            scheduled=scheduled,
            deferred=deferred,
            dead_lettered=letters[0] + letters[2],
            size=count(connection, path if source is None else source.owner)[3],
        )


def count(connection: Connection, path: str) -> tuple[int, int, int, int]:
    row = connection.exec_driver_sql(sql.COUNTS, (path,)).first()
    return (0, 0, 0, 0) if row is None else (row[0], row[1], row[2], row[3])
