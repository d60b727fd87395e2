"""PostgreSQL behind the port: a few connections, each transaction in a thread.

* Up to `CONNECTIONS` transactions run at the same time, each in a thread of its own and over a connection of the pool.
* Grouped work that waits while all are busy becomes one transaction; when that raises, each item gets its own.
* READ COMMITTED: what must not change underneath is locked by name (`shared.sql.locks`) or by row.
* No LISTEN, no lock that outlives its transaction, no named statement, nothing set for a connection: PgBouncer may hand
  each transaction to another server process.
* A connection is tried by its BEGIN, so that one which died in the pool costs nobody his transaction. What was lost
  later is not run again here: the commit may have happened.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, count
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from shared.errors import TransientError
from shared.sql.database import GroupWork, Item, Transaction, Value, Work
from shared.sql.execution import Committed, Request, refused
from shared.sql.failures import (
    is_forbidden,
    is_repeatable,
    is_unavailable,
    text_of,
    without_values,
)

logger = logging.getLogger(__name__)

CONNECTIONS = 4
GROUP_LIMIT = 100
ATTEMPTS = 5
# A process that is stopped in a transaction must not hold its locks for ever (P7); nor does anybody wait so long.
LIMITS = "SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL lock_timeout = '20s'"
BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {LIMITS}"
BEGIN_READING = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {LIMITS}"


def postgresql_engine(url: str) -> Engine:
    """Return an engine whose connections begin no transaction of their own; it connects when it is first used."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=CONNECTIONS,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # they may be secrets, and errors are logged
        use_native_hstore=False,
        connect_args={
            "application_name": "tocsin",
            "prepare_threshold": None,
            # Values go with the text: a parameter apart has no type where nothing tells, as in `:state IS NULL`.
            "cursor_factory": psycopg.ClientCursor,
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        },
    )


class PostgresDatabase:
    """A database that other processes use too; of one event loop."""

    def __init__(self, url: str) -> None:
        self._engine = postgresql_engine(url)
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="postgresql")
        self._waiting: deque[list[Request]] = deque()
        self._groups: dict[GroupWork[Any, Any], list[Request]] = {}
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closing = False
        self._closing: asyncio.Task[None] | None = None

    async def run(self, work: Work[Value]) -> Value:
        value: Value = await self._ask(Request(self._future(), work=work))
        return value

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        value: Value = await self._ask(Request(self._future(), group=work, item=item))
        return value

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)

    async def close(self) -> None:
        self._is_closing = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self._idle.wait()
        self._threads.shutdown(wait=True)
        self._engine.dispose()

    def _check_open(self) -> None:
        if self._is_closing:
            raise TransientError("the database is closed")

    def _future(self) -> "asyncio.Future[Any]":
        self._check_open()
        return asyncio.get_running_loop().create_future()

    def _ask(self, request: Request) -> "asyncio.Future[Any]":
        group = request.group
        members = None if group is None else self._groups.get(group)
        if members is not None and len(members) < GROUP_LIMIT:
            members.append(request)
            return request.future
        requests = [request]
        self._waiting.append(requests)
        if group is not None:
            self._groups[group] = requests
        self._idle.clear()
        if self._running < CONNECTIONS:
            # Whoever else asks in this turn of the loop joins the group.
            request.future.get_loop().call_soon(self._dispatch)
        return request.future

    def _dispatch(self) -> None:
        while self._waiting and self._running < CONNECTIONS:
            requests = self._waiting.popleft()
            group = requests[0].group
            if group is not None and self._groups.get(group) is requests:
                del self._groups[group]
            self._running += 1
            self._threads.submit(self._carry_out, requests, requests[0].future.get_loop())

    def _carry_out(self, requests: Sequence[Request], loop: asyncio.AbstractEventLoop) -> None:
        committed = self._transact(requests)
        try:
            loop.call_soon_threadsafe(self._finish, committed)
        except RuntimeError:  # the loop is closed, and with it everybody who waited
            logger.debug(
                "nobody waits for a commit any more",
                extra={"action": "commit", "requests": len(requests)},
            )

    def _finish(self, committed: Committed) -> None:
        self._running -= 1
        self._dispatch()
        if not self._running:
            self._idle.set()
        committed.finish()

    def _transact(self, requests: Sequence[Request]) -> Committed:
        """Run one group, or one piece of work; never raises."""
        try:
            return self._commit_together(requests)
        except Exception as error:  # delivered to whoever awaits it
            if is_unavailable(error):
                return refuse_all(requests, error)
            if len(requests) == 1:
                return Committed([(requests[0], None, deliverable(error))], ())
        except BaseException as error:  # it must reach all who wait, and others must go on
            end = error if isinstance(error, KeyboardInterrupt | SystemExit) else None
            return refuse_all(requests, error, end)
        alone = [self._transact([request]) for request in requests]
        return Committed(
            list(chain.from_iterable(one.answers for one in alone)),
            list(chain.from_iterable(one.callbacks for one in alone)),
        )

    def _commit_together(self, requests: Sequence[Request]) -> Committed:
        for attempt in count(1):
            try:
                with self._transaction(BEGIN) as connection:
                    transaction = Transaction(connection)
                    values = values_of(transaction, requests)
                    commit(transaction)
            except (DBAPIError, psycopg.Error) as error:
                if attempt == ATTEMPTS or not is_repeatable(error):
                    raise
            else:
                answers = [(one, value, None) for one, value in zip(requests, values, strict=True)]
                return Committed(answers, transaction.callbacks())
        raise AssertionError

    def _read(self, query: Callable[[Connection], Value]) -> Value:
        try:
            with self._transaction(BEGIN_READING) as connection:
                return query(connection)
        except Exception as error:
            # A query that writes is a mistake in the query: no later attempt goes better.
            if is_unavailable(error) and not is_forbidden(error):
                logger.error("query failed: %s", text_of(error), extra={"action": "read"})
                raise refused(error) from error
            raise deliverable(error) from None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        """Yield a connection with a transaction that is rolled back at the end, unless it was committed."""
        connection = self._begin(begin)
        try:
            yield connection
        finally:
            if not connection.invalidated and driver_of(connection).closed:
                connection.invalidate()
            connection.close()

    def _begin(self, begin: str) -> Connection:
        """Begin a transaction over a connection that lives; those that died in the pool are thrown away."""
        for attempt in count(1):
            connection = self._engine.connect()
            try:
                driver_of(connection).execute(begin)
            except BaseException as error:
                connection.invalidate()
                connection.close()
                if not isinstance(error, psycopg.OperationalError) or attempt > CONNECTIONS:
                    raise
            else:
                return connection
        raise AssertionError


def values_of(transaction: Transaction, requests: Sequence[Request]) -> Sequence[Any]:
    """Run the work of one request, or the group's with the items of all."""
    first = requests[0]
    if first.work is not None:
        return [first.work(transaction)]
    assert first.group is not None
    values = first.group(transaction, [request.item for request in requests])
    return [value for _, value in zip(requests, values, strict=True)]


def commit(transaction: Transaction) -> None:
    """Commit; PostgreSQL calls it no error when it rolls back instead, since a statement had failed and was ignored."""
    outcome = transaction.driver.execute("COMMIT").statusmessage
    if outcome != "COMMIT":
        raise TransientError(f"the database answered a commit with {outcome}")


def driver_of(connection: Connection) -> Any:
    """Return the driver's own connection."""
    return connection.connection.driver_connection


def refuse_all(
    requests: Sequence[Request], error: BaseException, end: BaseException | None = None
) -> Committed:
    """Tell everybody that the database could not do it, or that it is not known whether it did."""
    # Without its traceback: while a server is away, all that anybody tries comes here.
    logger.error(
        "transaction failed: %s",
        text_of(error),
        extra={"action": "commit", "requests": len(requests)},
    )
    return Committed([(request, None, refused(error)) for request in requests], (), end)


def deliverable(error: Exception) -> Exception:
    """Return what a future takes and a log may show."""
    if isinstance(error, StopIteration):
        failure = RuntimeError("a transaction raised StopIteration")
        failure.__cause__ = error
        return failure
    return without_values(error)
