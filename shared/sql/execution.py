"""How a batch of requests becomes one transaction: savepoints, groups, and item-by-item replay of a failing group."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from shared.errors import TransientError
from shared.sql.database import GroupWork, Transaction, Work

logger = logging.getLogger(__name__)

# Primary result codes of SQLite: the statement was right, and may succeed another time.
UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


@dataclass(slots=True, eq=False)
class Request:
    """Work somebody waits for; the future belongs to the event loop of whoever asked."""

    future: "asyncio.Future[Any]"
    work: Work[Any] | None = None
    group: GroupWork[Any, Any] | None = None
    item: Any = None


Answer = tuple[Request, Any, BaseException | None]


@dataclass(frozen=True, slots=True)
class Committed:
    """What to tell whom after a transaction, and what to call before."""

    answers: Sequence[Answer]
    callbacks: Sequence[Callable[[], None]]

    def finish(self) -> None:
        """Call back, then settle the futures; one whose caller was cancelled is passed over: the transaction happened
        all the same."""
        for callback in self.callbacks:
            try:
                callback()
            except Exception:  # whoever waits for the commit must hear of it all the same
                logger.exception("callback of a commit failed", extra={"action": "commit"})
        for request, value, error in self.answers:
            if request.future.done():
                continue
            if error is None:
                request.future.set_result(value)
            else:
                request.future.set_exception(error)


def commit(connection: Connection, requests: Sequence[Request]) -> Committed:
    """Run all requests in one transaction; when that cannot be committed, everybody gets TransientError."""
    batch = Batch(Transaction(connection))
    try:
        control(connection, "BEGIN IMMEDIATE")
        batch.run(requests)
        control(connection, "COMMIT")
    except Exception as error:  # it must reach all who wait, and the writer must go on
        logger.exception("commit failed", extra={"action": "commit", "requests": len(requests)})
        if batch.transaction.driver.in_transaction:
            control(connection, "ROLLBACK")
        return Committed([(request, None, refused(error)) for request in requests], ())
    return Committed(batch.answers, batch.transaction.callbacks())


@dataclass(slots=True)
class Batch:
    """What one commit will have done."""

    transaction: Transaction
    answers: list[Answer] = field(default_factory=list)

    def run(self, requests: Iterable[Request]) -> None:
        """Run every request under a savepoint; equal kinds of grouped work run together, at their first one's place."""
        groups: dict[GroupWork[Any, Any], list[Request]] = {}
        order: list[Request | list[Request]] = []
        for request in requests:
            if request.group is None:
                order.append(request)
            elif (members := groups.get(request.group)) is not None:
                members.append(request)
            else:
                groups[request.group] = [request]
                order.append(groups[request.group])
        for step in order:
            if isinstance(step, list):
                self._run_group(step)
            else:
                self._run_single(step)

    def _run_single(self, request: Request) -> None:
        assert request.work is not None
        value, error = self._attempt(request.work)
        self.answers.append((request, value, error))

    def _run_group(self, members: Sequence[Request]) -> None:
        group = members[0].group
        assert group is not None
        items = [member.item for member in members]
        values, error = self._attempt(lambda tx: list(zip(members, group(tx, items), strict=True)))
        if error is None:
            self.answers.extend((member, value, None) for member, value in values)
        elif len(members) == 1:
            self.answers.append((members[0], None, error))
        else:
            for member in members:
                self._run_group([member])

    def _attempt(self, work: Work[Any]) -> tuple[Any, BaseException | None]:
        transaction = self.transaction
        mark = transaction.mark()
        control(transaction.connection, "SAVEPOINT work")
        try:
            value = work(transaction)
        except Exception as error:  # delivered to whoever awaits this piece of work
            if not transaction.driver.in_transaction:
                raise  # SQLite itself has rolled back everything (a full disk), so the whole batch has failed
            control(transaction.connection, "ROLLBACK TO work")
            control(transaction.connection, "RELEASE work")
            transaction.forget(mark)
            return None, translated(error)
        control(transaction.connection, "RELEASE work")
        return value, None


def control(connection: Connection, statement: str) -> None:
    """Send a transaction-control statement to the driver itself: SQLAlchemy's own savepoints cost ten times as much."""
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(statement)


def translated(error: Exception) -> Exception:
    """Return TransientError for what the disk or another process did, and anything else as it is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in UNAVAILABLE:
        return refused(error)
    return error


def refused(error: Exception) -> TransientError:
    failure = TransientError(f"the database refused a transaction: {error}")
    failure.__cause__ = error
    return failure
