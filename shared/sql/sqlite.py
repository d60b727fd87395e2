"""SQLite behind the port: one connection that writes, group commit, readers beside it.

Everything asked for while a commit runs becomes the next commit, so the fsync is shared by all who wait, and no answer
leaves before it. WAL grows until a thread of its own checkpoints it, because a checkpoint inside a commit is what makes
the slowest per cent slow.
"""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from shared.clock import Clock
from shared.errors import TransientError
from shared.settings import Durability
from shared.sql.commit_pace import CommitPace
from shared.sql.database import GroupWork, Item, Value, Work
from shared.sql.execution import Batch, Committed, Request, begin, control, reading, roll_back

logger = logging.getLogger(__name__)

BATCH_LIMIT = 100
# Statements run on the event loop, so nobody there waits for another process's lock; what makes the tables may.
BUSY_SECONDS = 0.1
BUSY_SECONDS_OF_MIGRATIONS = 30.0
CHECKPOINT_SECONDS = 0.25
AUTOCHECKPOINT_PAGES = 16000


def sqlite_engine(
    path: Path,
    *,
    durability: Durability = Durability.POWER,
    busy_seconds: float = BUSY_SECONDS_OF_MIGRATIONS,
) -> Engine:
    """Return an engine whose connections begin no transaction of their own and are set up for WAL."""
    engine = create_engine(
        # Not a text: a folder may have a question mark in its name.
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # they may be secrets, and errors are logged
        connect_args={
            "check_same_thread": False,
            "timeout": busy_seconds,
            "cached_statements": 512,
        },
    )
    synchronous = "FULL" if durability is Durability.POWER else "NORMAL"

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
            f"wal_autocheckpoint={AUTOCHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


class SqliteDatabase:
    """A database file owned by this process, and used by one event loop."""

    def __init__(
        self, path: Path, *, clock: Clock, durability: Durability = Durability.POWER
    ) -> None:
        self._engine = sqlite_engine(path, durability=durability, busy_seconds=BUSY_SECONDS)
        self._pace = CommitPace(clock)
        # Opened here, so that a file that cannot be opened is the caller's exception and not a thread's end.
        self._connection = self._engine.connect()
        self._requests: deque[Request] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._committer = threading.Thread(
            target=self._commit_all, name="sqlite-commit", daemon=True
        )
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="sqlite-reader")
        self._reader = threading.local()
        self._reader_connections: list[Connection] = []
        self._written = threading.Event()
        self._pause = threading.Event()
        self._is_closing = False
        self._closing: asyncio.Task[None] | None = None
        self._checkpointer = threading.Thread(
            target=self._checkpoint, name="sqlite-checkpoint", daemon=True
        )
        self._checkpointer.start()
        self._committer.start()

    async def run(self, work: Work[Value]) -> Value:
        value: Value = await self._ask(Request(self._future(), work=work))
        return value

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        value: Value = await self._ask(Request(self._future(), group=work, item=item))
        return value

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        if self._is_closing:
            raise TransientError("the database is closed")
        if is_short:
            # Handing it to a thread and back takes longer than the query, most of it for the interpreter lock.
            return self._query(query)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._query, query)

    async def close(self) -> None:
        self._is_closing = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self._idle.wait()
        self._written.set()
        self._pause.set()
        self._batches.put(None)
        self._committer.join()
        await asyncio.get_running_loop().run_in_executor(self._readers, self._checkpointer.join)
        self._readers.shutdown(wait=True)
        for connection in (*self._reader_connections, self._connection):
            connection.close()
        self._engine.dispose()

    def _future(self) -> "asyncio.Future[Any]":
        if self._is_closing:
            raise TransientError("the database is closed")
        return asyncio.get_running_loop().create_future()

    def _ask(self, request: Request) -> "asyncio.Future[Any]":
        self._requests.append(request)
        if self._idle.is_set():
            self._idle.clear()
            # Whoever else runs in this turn of the loop shares the commit.
            request.future.get_loop().call_soon(self._run)
        return request.future

    def _run(self) -> None:
        """Run what was asked for so far and commit: where the disk is slow, in a thread of its own."""
        requests = [self._requests.popleft() for _ in range(min(len(self._requests), BATCH_LIMIT))]
        batch = begin(self._connection, requests)
        if isinstance(batch, Committed):
            self._finish(batch)
        elif self._pace.is_quick():
            with self._pace.measured():
                committed = batch.commit()
            self._finish(committed)
        else:
            self._batches.put(batch)

    def _commit_all(self) -> None:
        """Commit one batch after the other: a pool of threads would make a future and a lock for each."""
        while (batch := self._batches.get()) is not None:
            self._commit(batch, batch.requests[0].future.get_loop())

    def _commit(self, batch: Batch, loop: asyncio.AbstractEventLoop) -> None:
        committed = batch.commit()
        try:
            loop.call_soon_threadsafe(self._finish, committed)
        except RuntimeError:  # the loop is closed, and with it everybody who waited
            logger.debug(
                "nobody waits for a commit any more",
                extra={"action": "commit", "requests": len(committed.answers)},
            )
            self._requests.clear()
            self._idle.set()

    def _finish(self, committed: Committed) -> None:
        self._written.set()
        try:
            committed.finish()
        finally:
            if self._requests:
                self._requests[0].future.get_loop().call_soon(self._run)
            else:
                self._idle.set()

    def _query(self, query: Callable[[Connection], Value]) -> Value:
        with reading():
            connection = self._reader_connection()
            control(connection, "BEGIN")
            try:
                return query(connection)
            finally:
                roll_back(connection)

    def _reader_connection(self) -> Connection:
        connection: Connection | None = getattr(self._reader, "connection", None)
        if connection is None:
            connection = self._engine.connect()
            control(connection, "PRAGMA query_only=ON")
            self._reader.connection = connection
            self._reader_connections.append(connection)
        return connection

    def _checkpoint(self) -> None:
        connection = self._engine.connect()
        while not self._is_closing:
            self._written.wait()
            self._written.clear()
            try:
                control(connection, "PRAGMA wal_checkpoint(PASSIVE)")
            except (
                sqlite3.OperationalError
            ):  # a full disk; commits go on in the WAL, and the next round tries again
                logger.exception("checkpoint failed", extra={"action": "checkpoint"})
            self._pause.wait(CHECKPOINT_SECONDS)
        connection.close()
