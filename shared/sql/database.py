"""The port: a database runs transactions.

A transaction is a plain function that takes a `Transaction`, never awaits and returns a value; it may be run more than
once before it counts, so it changes nothing but the database. Whoever awaits `run`
gets that value after the commit (with SQLite: after fsync) and the function's exception when it raised; nothing that
it wrote is kept in that case.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

Value = TypeVar("Value")
Item = TypeVar("Item")


class Transaction:
    """One open transaction: the connection to write through, and what to do once it is committed.

    `driver` is the driver's own connection below it, for code that is written for one database.
    """

    __slots__ = ("_callbacks", "connection", "driver")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.driver: Any = connection.connection.driver_connection
        self._callbacks: list[Callable[[], None]] = []

    @property
    def has_rivals(self) -> bool:
        """Whether others may write at the same time, so that what must not change meanwhile has to be locked."""
        return self.connection.dialect.name != "sqlite"

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the event loop after the commit, in the order of registration; never after a rollback."""
        self._callbacks.append(callback)

    def mark(self) -> int:
        """Return a point to which `forget` can return."""
        return len(self._callbacks)

    def forget(self, mark: int) -> None:
        """Drop the callbacks registered since `mark`, because their savepoint was rolled back."""
        del self._callbacks[mark:]

    def callbacks(self) -> Sequence[Callable[[], None]]:
        """Return what to call after the commit."""
        return self._callbacks


Work = Callable[[Transaction], Value]
GroupWork = Callable[[Transaction, Sequence[Item]], Sequence[Value]]


class Database(Protocol):
    """Durable storage with transactions."""

    async def run(self, work: Work[Value]) -> Value:
        """Run `work` in a transaction and return its value once that is durable.

        Transactions of one process may share a commit, and one that raises takes no other with it: the others are run
        again without it. So `work` may run twice, and changes nothing but the database. Awaiting tasks may be
        cancelled; the transaction then still happens.

        Raises:
            TransientError: it cannot be written at present: another process has the lock, the disk is full or broken.
        """

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        """Run `work` on this item together with the items that others pass for the same function at the same time.

        `work` returns one value for each item, in their order. When it raises for a group, each item is run alone, so
        only the faulty ones fail. Items of one group must not depend on each other's order.
        """

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        """Run `query` on a connection that sees everything committed so far and writes nothing.

        One that `is_short` reads a few rows by their keys: it may hold up whoever else runs meanwhile.

        Raises:
            TransientError: it cannot be read at present: another process has the lock, or the disk fails. Every
                other error of `query` comes as it is.
        """

    async def close(self) -> None:
        """Finish what was asked for and let go of the file, even if the caller is cancelled meanwhile.

        Later calls raise TransientError; closing again only waits for the end of the first.
        """
