"""A database without threads: each transaction commits where it is awaited, which makes a test deterministic."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from shared.errors import TransientError
from shared.sql.database import GroupWork, Item, Value, Work
from shared.sql.execution import Request, commit, control, reading
from shared.sql.sqlite import BUSY_SECONDS, sqlite_engine


class InlineDatabase:
    """SQLite on the event loop's own thread; for simulation and tests, since every fsync stops the loop."""

    def __init__(self, path: Path) -> None:
        self._engine = sqlite_engine(path, busy_seconds=BUSY_SECONDS)
        self._connection: Connection | None = self._engine.connect()

    async def run(self, work: Work[Value]) -> Value:
        return await self._commit(Request(asyncio.get_running_loop().create_future(), work=work))

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        future = asyncio.get_running_loop().create_future()
        return await self._commit(Request(future, group=work, item=item))

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        connection = self._open()
        with reading():
            control(connection, "PRAGMA query_only=ON")
            try:
                return query(connection)
            finally:
                control(connection, "PRAGMA query_only=OFF")

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._engine.dispose()

    def _open(self) -> Connection:
        if self._connection is None:
            raise TransientError("the database is closed")
        return self._connection

    async def _commit(self, request: Request) -> Value:
        commit(self._open(), [request]).finish()
        value: Value = await request.future
        return value
