"""The release of what waited for an operation that has ended.

What waits for a write waits for the last unfinished one of each path. So what waited for a write that is canceled waits
for the one before it on the same path, if that has not ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from shared.clock import to_microseconds
from shared.connector.operations import OperationStatus
from shared.connector.store import Started
from shared.connector.stores import statements
from shared.connector.stores.path_locks import lock_paths
from shared.connector.stores.starting import start_if_released
from shared.messaging.steps import in_steps
from shared.messaging.work import Due, WorkRows
from shared.sql.database import Database, Transaction

RELEASED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Released:
    """What one step of a release has done: for how many, which of them are ready to be woken, and which is started."""

    count: int
    ready: Sequence[Any] = ()
    started: Started | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing more waits."""
        return self.count < RELEASED_AT_ONCE


class Releases:
    """Releases operations of one database, few in a transaction."""

    def __init__(self, database: Database, work: WorkRows) -> None:
        self._database = database
        self._work = work

    def begin(
        self, transaction: Transaction, ended: Any, now: datetime, *, goes_on: bool
    ) -> Released:
        """Release what waits for an operation that ends in this transaction, and wake what waits for nothing any more.

        For who `goes_on` the first of these is started instead.
        """
        released = release(transaction, ended, now, goes_on=goes_on)
        if not released.is_all:
            statements.set_releasing.change(
                transaction.connection, ended=ended.number, since=to_microseconds(now)
            )
        self._wake(transaction, released.ready, now)
        return released

    async def finish(self, ended: int, *, now: datetime) -> None:
        """Go on with a release that was more than fitted into the transaction of the end."""

        def step(transaction: Transaction) -> int:
            # What a canceled write leaves waiting must not be told to wait for one that ends meanwhile.
            lock_paths(transaction, paths_of(transaction, ended))
            # Of two processes that release, the second finds what the first has left, and not nothing.
            rows = statements.lock_ended.rows(transaction.connection, ended=ended)
            released = Released(0)
            for row in rows:
                released = release(transaction, row, now, goes_on=False)
                self._wake(transaction, released.ready, now)
            if released.is_all:
                statements.set_releasing.change(transaction.connection, ended=ended, since=None)
            return released.count

        await in_steps(self._database, step, at_once=RELEASED_AT_ONCE)

    def _wake(self, transaction: Transaction, ready: Sequence[Any], now: datetime) -> None:
        """Make released operations due at once."""
        if not ready:
            return
        due = [Due(row.id, row.attempt, now, now) for row in ready]
        self._work.schedule_many(transaction, due, now=now)


def release(transaction: Transaction, ended: Any, now: datetime, *, goes_on: bool) -> Released:
    """Release some of what waits, and start the first that waits for nothing any more for who `goes_on`."""
    connection = transaction.connection
    forgotten = statements.forget_waiting.rows(
        connection, ended=ended.number, at_most=RELEASED_AT_ONCE
    )
    # In one order for everybody: two ends may release the same operations.
    rows = sorted(forgotten, key=attrgetter("successor"))
    before = find_before(transaction, ended) if rows else None
    if before is not None:
        statements.insert_waiting.execute_many(
            connection, [{"before": before, "after": row.successor} for row in rows]
        )
        return Released(len(rows))
    present = to_microseconds(now)
    started: Started | None = None
    ready: list[Any] = []
    for row in rows:
        if goes_on and started is None:
            started = start_if_released(transaction, row.successor, now=now)
            if started is not None:
                continue
        # None when it was canceled meanwhile.
        found = statements.release.rows(connection, successor=row.successor, present=present)
        ready += [one for one in found if one.waits_for == 0]
    return Released(len(rows), ready, started)


def paths_of(transaction: Transaction, number: int) -> Iterator[str]:
    """Look up the path of an operation, none when it is gone."""
    for row in statements.find_path_by_number.rows(transaction.connection, number=number):
        yield row.path


def find_before(transaction: Transaction, ended: Any) -> int | None:
    """Return the unfinished write that what waited for a canceled one has to wait for in its place."""
    if ended.status != OperationStatus.CANCELED:
        return None  # it could only start because there is none
    (row,) = statements.find_before.rows(
        transaction.connection, of_path=ended.path, ended=ended.number
    )
    number: int | None = row[0]
    return number
