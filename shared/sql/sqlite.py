"""SQLite behind the port: one connection in one writer thread, group commit, readers beside it.

Everything asked for while a commit runs becomes the next commit, so the fsync is shared by all who wait, and no answer
leaves before it. WAL grows until a thread of its own checkpoints it, because a checkpoint inside a commit is what makes
the slowest per cent slow.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from shared.errors import TransientError
from shared.sql.database import GroupWork, Item, Value, Work
from shared.sql.execution import Answer, Committed, Request, commit, control

logger = logging.getLogger(__name__)

BATCH_LIMIT = 1000
CHECKPOINT_SECONDS = 0.25
AUTOCHECKPOINT_PAGES = 16000


class Durability(StrEnum):
    """What an acknowledged write survives: the loss of power, or only the death of the process."""

    POWER = "power"
    PROCESS = "process"


def sqlite_engine(path: Path, *, durability: Durability = Durability.POWER) -> Engine:
    """Return an engine whose connections begin no transaction of their own and are set up for WAL."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # they may be secrets, and errors are logged
        connect_args={"check_same_thread": False, "timeout": 30, "cached_statements": 512},
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
    """A database file owned by this process."""

    def __init__(self, path: Path, *, durability: Durability = Durability.POWER) -> None:
        self._engine = sqlite_engine(path, durability=durability)
        # Opened here, so that a file that cannot be opened is the caller's exception and not a thread's end.
        self._connection = self._engine.connect()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="sqlite-reader")
        self._reader = threading.local()
        self._reader_connections: list[Connection] = []
        self._written = threading.Event()
        self._pause = threading.Event()
        self._closing = False
        self._writer = threading.Thread(target=self._write, name="sqlite-writer", daemon=True)
        self._checkpointer = threading.Thread(
            target=self._checkpoint, name="sqlite-checkpoint", daemon=True
        )
        self._writer.start()
        self._checkpointer.start()

    async def run(self, work: Work[Value]) -> Value:
        value: Value = await self._ask(Request(self._future(), work=work))
        return value

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        value: Value = await self._ask(Request(self._future(), group=work, item=item))
        return value

    async def read(self, query: Callable[[Connection], Value]) -> Value:
        if self._closing:
            raise TransientError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._query, query)

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._requests.put(None)
        self._written.set()
        self._pause.set()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._readers, self._writer.join)
        await loop.run_in_executor(self._readers, self._checkpointer.join)
        self._readers.shutdown(wait=True)
        for connection in self._reader_connections:
            connection.close()
        self._engine.dispose()

    def _future(self) -> "asyncio.Future[Any]":
        if self._closing:
            raise TransientError("the database is closed")
        return asyncio.get_running_loop().create_future()

    async def _ask(self, request: Request) -> Any:
        self._requests.put(request)
        return await request.future

    def _write(self) -> None:
        while (requests := self._collect()) is not None:
            committed = commit(self._connection, requests)
            self._written.set()
            self._deliver(committed)
        self._connection.close()

    def _collect(self) -> list[Request] | None:
        """Wait for a request and take with it everything that came meanwhile; None when closing."""
        first = self._requests.get()
        if first is None:
            return None
        requests = [first]
        while len(requests) < BATCH_LIMIT:
            try:
                following = self._requests.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._requests.put(None)
                break
            requests.append(following)
        return requests

    def _deliver(self, committed: Committed) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
        for answer in committed.answers:
            by_loop.setdefault(answer[0].future.get_loop(), []).append(answer)
        callbacks = committed.callbacks
        for loop, answers in by_loop.items():
            try:
                loop.call_soon_threadsafe(Committed(answers, callbacks).finish)
            except RuntimeError:  # that loop is closed: nobody waits there any more
                logger.debug("answers for a closed event loop", extra={"action": "commit"})
            callbacks = ()

    def _query(self, query: Callable[[Connection], Value]) -> Value:
        connection: Connection | None = getattr(self._reader, "connection", None)
        if connection is None:
            connection = self._engine.connect()
            control(connection, "PRAGMA query_only=ON")
            self._reader.connection = connection
            self._reader_connections.append(connection)
        control(connection, "BEGIN")
        try:
            return query(connection)
        finally:
            control(connection, "ROLLBACK")

    def _checkpoint(self) -> None:
        connection = self._engine.connect()
        while not self._closing:
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
