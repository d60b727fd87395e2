"""Embedded broker: send, and receive + complete, for one caller and for 64, beside bare sqlite3 in the same run.

python -m benchmarks.broker [seconds per figure]
"""

import asyncio
import os
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.clock import SystemClock
from shared.messaging.broker import Receiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import QueueDescription
from shared.messaging.message import Message
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine

BODY = b'{"id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "attempt": 1}'
QUEUE = "benchmark"
CALLERS = 64


@dataclass
class Figure:
    """Messages, wall-clock seconds and seconds of CPU of the whole process."""

    count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def __str__(self) -> str:
        per_message = self.cpu / self.count * 1e6
        return f"{self.count / self.seconds:>9,.0f}/s {per_message:>6.0f} µs CPU a message"


@contextmanager
def measured() -> Iterator[Figure]:
    figure = Figure()
    started, cpu = time.perf_counter(), time.process_time()
    yield figure
    figure.seconds = time.perf_counter() - started
    figure.cpu = time.process_time() - cpu


def machine() -> str:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, synchronous=FULL, peak memory {memory} MB"
    )


def bare_loop(path: Path, seconds: float) -> Figure:
    """Insert one row a transaction: what the disk and sqlite3 allow a single caller."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)")
    deadline = time.perf_counter() + seconds
    with measured() as figure:
        while time.perf_counter() < deadline:
            connection.execute("INSERT INTO bare (body) VALUES (?)", (BODY,))
            figure.count += 1
    connection.close()
    return figure


async def repeat(call: Callable[[], Awaitable[int]], *, callers: int, seconds: float) -> Figure:
    """Have so many callers repeat `call`, which returns how many messages it was for, 0 when there are no more."""
    deadline = time.perf_counter() + seconds

    async def caller() -> None:
        while time.perf_counter() < deadline and (count := await call()):
            figure.count += count

    with measured() as figure:
        await asyncio.gather(*(caller() for _ in range(callers)))
    return figure


async def send(broker: EmbeddedBroker) -> int:
    await broker.send(QUEUE, [Message(body=BODY, message_id="row/1/0")])
    return 1


async def take(receiver: Receiver, settled: list[int]) -> int:
    if not settled[0]:
        return 0
    settled[0] -= 1
    for message in await receiver.receive(max_messages=1, max_wait=None):
        await receiver.complete(message)
    return 1


async def compare(folder: Path, seconds: float) -> None:
    path = folder / "tocsin.db"
    migrate(sqlite_engine(path), SCHEMA)
    database = SqliteDatabase(path)
    broker = EmbeddedBroker(database, clock=SystemClock(), queues=[QueueDescription(name=QUEUE)])
    receiver = broker.receiver(QUEUE)
    for callers in (1, CALLERS):
        sent = await repeat(lambda: send(broker), callers=callers, seconds=seconds)
        show("send", callers, sent)
        left = [sent.count]
        taken = await repeat(lambda: take(receiver, left), callers=callers, seconds=60)  # noqa: B023
        show("receive + complete", callers, taken)
    await broker.close()
    await database.close()


def show(what: str, callers: int, figure: Figure) -> None:
    sys.stdout.write(f"{what:<24}{callers:>3} at once {figure}\n")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    with tempfile.TemporaryDirectory() as folder:
        show("bare sqlite3 insert", 1, bare_loop(Path(folder) / "bare.db", seconds))
        asyncio.run(compare(Path(folder), seconds))
    sys.stdout.write(f"{machine()}\n")


if __name__ == "__main__":
    main()
