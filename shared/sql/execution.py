"""How a batch of requests becomes one transaction: savepoints, groups, and item-by-item replay of a failing group."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
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
LOOK_AGAIN = timedelta(seconds=5)


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
    """What to tell whom after a transaction, and what to call before; `end` is what ends the process."""

    answers: Sequence[Answer]
    callbacks: Sequence[Callable[[], None]]
    end: BaseException | None = None

    def finish(self) -> None:
        """Call back, then settle the futures and raise `end`; a future whose caller was cancelled is passed over: the
        transaction happened all the same."""
        try:
            for callback in self.callbacks:
                try:
                    callback()
                except Exception:  # whoever waits for the commit must hear of it all the same
                    logger.exception("callback of a commit failed", extra={"action": "commit"})
        finally:
            self._settle()
        if self.end is not None:
            raise self.end

    def _settle(self) -> None:
        for request, value, error in self.answers:
            if request.future.done():
                continue
            if error is None:
                request.future.set_result(value)
            else:
                request.future.set_exception(error)


def commit(connection: Connection, requests: Sequence[Request]) -> Committed:
    """Run all requests in one transaction; when that cannot be committed, everybody gets TransientError."""
    batch = begin(connection, requests)
    return batch if isinstance(batch, Committed) else batch.commit()


def begin(connection: Connection, requests: Sequence[Request]) -> "Batch | Committed":
    """Run all requests in a transaction that is left open; what failed as a whole is over already.

    Most batches have no request that raises, and savepoints would be a fifth of their statements. So the requests of a
    batch run unguarded first; when one raises, the batch is undone and, unless nobody else is in it, run again with a
    savepoint around each.
    """
    try:
        batch = Batch(Transaction(connection), requests)
        batch.control("BEGIN IMMEDIATE")
        failure = batch.run_unguarded()
        if failure is None:
            return batch
        if len(requests) == 1:
            return batch.refuse(failure)
        batch.control("BEGIN IMMEDIATE")
        batch.run()
    except BaseException as error:  # it must reach all who wait, and others must go on
        return undo(connection, requests, error)
    return batch


def undo(connection: Connection, requests: Sequence[Request], error: BaseException) -> Committed:
    """Roll back everything; everybody gets TransientError.

    A rollback that fails leaves the transaction open; the next batch then cannot begin, and tries the rollback again.
    """
    logger.error(
        "commit failed", exc_info=error, extra={"action": "commit", "requests": len(requests)}
    )
    try:
        roll_back(connection)
    except Exception:  # whoever waits must hear of the failure all the same
        logger.exception("rollback failed", extra={"action": "commit"})
    end = error if isinstance(error, KeyboardInterrupt | SystemExit) else None
    return Committed([(request, None, refused(error)) for request in requests], (), end)


@dataclass(slots=True)
class Batch:
    """What one commit will have done."""

    transaction: Transaction
    requests: Sequence[Request]
    answers: list[Answer] = field(default_factory=list)

    def control(self, statement: str) -> None:
        self.transaction.driver.execute(statement)

    def commit(self) -> Committed:
        """Make it durable; safe to call from another thread, and the only part that waits for the disk."""
        try:
            self.control("COMMIT")
        except BaseException as error:  # a full or broken disk must reach all who wait
            return undo(self.transaction.connection, self.requests, error)
        return Committed(self.answers, self.transaction.callbacks())

    def run_unguarded(self) -> Exception | None:
        """Run every request; returns what one of them raised, and then nothing is done and nothing open."""
        try:
            for step in self._steps():
                if isinstance(step, Request):
                    assert step.work is not None
                    self.answers.append((step, step.work(self.transaction), None))
                else:
                    self.answers.extend(
                        (member, value, None) for member, value in self._values(step)
                    )
        except Exception as error:  # delivered to whoever awaits the one that raised it
            if not self.transaction.driver.in_transaction:
                raise  # SQLite itself has rolled back everything (a full disk), so the whole batch has failed
            self.answers.clear()
            self.transaction.forget(0)
            roll_back(self.transaction.connection)
            return error
        return None

    def refuse(self, failure: Exception) -> Committed:
        """Answer the only request with what it raised."""
        return Committed([(self.requests[0], None, translated(failure, action="commit"))], ())

    def run(self) -> None:
        """Run every request under a savepoint of its own or its group's."""
        for step in self._steps():
            if isinstance(step, Request):
                self._run_single(step)
            else:
                self._run_group(step)

    def _steps(self) -> Sequence[Request | list[Request]]:
        """Return the requests in their order; equal kinds of grouped work are together at their first one's place."""
        groups: dict[GroupWork[Any, Any], list[Request]] = {}
        steps: list[Request | list[Request]] = []
        for request in self.requests:
            if request.group is None:
                steps.append(request)
            elif (members := groups.get(request.group)) is not None:
                members.append(request)
            else:
                groups[request.group] = [request]
                steps.append(groups[request.group])
        return steps

    def _values(self, members: Sequence[Request]) -> Sequence[tuple[Request, Any]]:
        group = members[0].group
        assert group is not None
        values = group(self.transaction, [member.item for member in members])
        return list(zip(members, values, strict=True))

    def _run_single(self, request: Request) -> None:
        assert request.work is not None
        value, error = self._attempt(request.work)
        if error is not None:
            error = translated(error, action="commit")
        self.answers.append((request, value, error))

    def _run_group(self, members: Sequence[Request]) -> None:
        values, error = self._attempt(lambda _: self._values(members))
        if error is None:
            self.answers.extend((member, value, None) for member, value in values)
        elif len(members) == 1:
            self.answers.append((members[0], None, translated(error, action="commit")))
        else:
            for member in members:
                self._run_group([member])

    def _attempt(self, work: Work[Any]) -> tuple[Any, Exception | None]:
        transaction = self.transaction
        mark = transaction.mark()
        self.control("SAVEPOINT work")
        try:
            value = work(transaction)
        except Exception as error:  # delivered to whoever awaits this piece of work
            if not transaction.driver.in_transaction:
                raise  # SQLite itself has rolled back everything (a full disk), so the whole batch has failed
            self.control("ROLLBACK TO work")
            self.control("RELEASE work")
            transaction.forget(mark)
            return None, error
        self.control("RELEASE work")
        return value, None


def control(connection: Connection, statement: str) -> None:
    """Send a transaction-control statement to the driver itself: SQLAlchemy's own savepoints cost ten times as much."""
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(statement)


def roll_back(connection: Connection) -> None:
    """Roll back what is open; a full disk may have made SQLite do so already."""
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None
    if driver_connection.in_transaction:
        driver_connection.execute("ROLLBACK")


@contextmanager
def reading() -> Iterator[None]:
    """Raise TransientError in place of what the disk or another process did to a query."""
    try:
        yield
    except Exception as error:
        # A query that writes is a mistake in the query: no later attempt goes better.
        if primary_code(error) == sqlite3.SQLITE_READONLY:
            raise
        failure = translated(error, action="read")
        if failure is error:
            raise
        raise failure from error


def translated(error: Exception, *, action: str) -> Exception:
    """Return TransientError, and tell the log why, for what the disk or another process did; anything else as it is."""
    if primary_code(error) in UNAVAILABLE:
        logger.error("the database refused: %s", cause_of(error), extra={"action": action})
        return refused(error)
    if isinstance(error, StopIteration):  # which no future takes
        failure = RuntimeError("a transaction raised StopIteration")
        failure.__cause__ = error
        return failure
    return error


def primary_code(error: Exception) -> int:
    """Return SQLite's primary result code; SQLITE_OK for an error that is not SQLite's."""
    return getattr(cause_of(error), "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def cause_of(error: Exception) -> BaseException | None:
    """Return the driver's own error, also from below SQLAlchemy's."""
    return error.orig if isinstance(error, DBAPIError) else error


def refused(error: BaseException) -> TransientError:
    """Return what callers are told, which is nothing of the database: its errors name statements, files and servers
    (P8), and the log has them."""
    failure = TransientError("the database cannot be used at present", retry_after=LOOK_AGAIN)
    failure.__cause__ = error
    return failure
