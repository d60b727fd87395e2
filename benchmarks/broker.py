"""The broker: in process, and over AMQP with the azure-servicebus SDK, beside bare sqlite3 in the same run.

python -m benchmarks.broker [seconds per figure] [messages waiting]

Bodies have 1 KB, those that wait half of it: a million must fit into a queue of 1 GB. Everything is measured with
`synchronous=FULL` (durability power) and NORMAL (process), on an empty queue and on one where so many messages wait.
Over AMQP the broker is `tocsin broker`, and the client a process too.
"""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.broker_client import summary
from benchmarks.machine import cpu_seconds, describe, fsync_milliseconds
from shared.clock import SystemClock
from shared.messaging.broker import Receiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import QueueDescription
from shared.messaging.message import Message
from shared.settings import Durability
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine

BODY = b"x" * 1024
WAITING_BODY = b"x" * 512
QUEUE = "benchmark"
TIMES = "times"
CALLERS = 64
BATCH = 100
PACED = 1000
PACE = timedelta(milliseconds=5)
CLOCK = SystemClock()
ROOT = Path(__file__).parents[1]
CONNECTION_STRING = re.compile(r"Endpoint=sb://\S+")
NAMESPACE = "bench"
CONFIG = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": NAMESPACE,
                "Queues": [
                    {"Name": QUEUE, "Properties": {}},
                    {"Name": TIMES, "Properties": {}},
                ],
                "Topics": [],
            }
        ],
        "Logging": {"Type": "File"},
    }
}
QUEUES = (QueueDescription(name=QUEUE, max_size=5 * 2**30), QueueDescription(name=TIMES))


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


def bare_loop(path: Path, seconds: float, *, durability: Durability) -> Figure:
    """Insert one row a transaction: what the disk and sqlite3 allow a single caller."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    synchronous = "FULL" if durability is Durability.POWER else "NORMAL"
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)")
    deadline = time.perf_counter() + seconds
    with measured() as figure:
        while time.perf_counter() < deadline:
            connection.execute("INSERT INTO bare (body) VALUES (?)", (BODY,))
            figure.count += 1
    connection.close()
    path.unlink()
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


async def send(broker: EmbeddedBroker, count: int) -> int:
    await broker.send(QUEUE, [Message(body=BODY)] * count)
    return count


async def take(receiver: Receiver, left: list[int], count: int) -> int:
    """Receive and complete up to `count`, while any of those that were sent before are left."""
    if left[0] < count:
        return 0
    left[0] -= count
    received = await receiver.receive(max_messages=count, max_wait=None)
    await asyncio.gather(*(receiver.complete(message) for message in received))
    left[0] += count - len(received)
    return len(received)


async def measure_in_process(path: Path, seconds: float, durability: Durability) -> None:
    database = SqliteDatabase(path, clock=SystemClock(), durability=durability)
    broker = EmbeddedBroker(database, clock=CLOCK, queues=QUEUES)
    receiver = broker.receiver(QUEUE)
    for callers, count in ((1, 1), (1, BATCH), (CALLERS, 1)):
        sent = await repeat(lambda: send(broker, count), callers=callers, seconds=seconds)  # noqa: B023
        show("in process", f"send {count}", callers, sent)
        left = [sent.count]
        taken = await repeat(
            lambda: take(receiver, left, count),  # noqa: B023
            callers=callers,
            seconds=seconds,
        )
        show("in process", f"receive + complete {count}", callers, taken)
        await drain(receiver, left[0])
    times = broker.receiver(TIMES)
    show_times("in process", "latency", await latencies(broker, times))
    show_times("in process", "lateness", await lateness(broker, times))
    await broker.close()
    await database.close()


async def drain(receiver: Receiver, count: int) -> None:
    left = [count]
    while left[0] and await take(receiver, left, min(left[0], BATCH)):
        pass


async def latencies(broker: EmbeddedBroker, receiver: Receiver) -> list[float]:
    """From the call of send to the message in the hands of a receiver that waits."""

    async def pace() -> None:
        for _ in range(PACED):
            await broker.send(TIMES, [Message(body=str(time.perf_counter()).encode())])
            await CLOCK.sleep(PACE)

    return await watched(receiver, pace(), lambda body: time.perf_counter() - float(body))


async def lateness(broker: EmbeddedBroker, receiver: Receiver) -> list[float]:
    """From the scheduled instant to the message in the hands of a receiver that waits."""

    async def schedule() -> None:
        first = CLOCK.now() + timedelta(seconds=1)
        due = [first + PACE * number for number in range(PACED)]
        await broker.send(
            TIMES,
            [
                Message(body=str(instant.timestamp()).encode(), scheduled_enqueue_time=instant)
                for instant in due
            ],
        )

    return await watched(receiver, schedule(), lambda body: CLOCK.now().timestamp() - float(body))


async def watched(
    receiver: Receiver, producing: Awaitable[None], late: Callable[[bytes], float]
) -> list[float]:
    task = asyncio.ensure_future(producing)
    found: list[float] = []
    while len(found) < PACED:
        for message in await receiver.receive(max_messages=BATCH, max_wait=None):
            found.append(late(message.message.body))
            await receiver.complete(message)
    await task
    return found


async def seed(path: Path, waiting: int) -> None:
    """Make a database in which so many messages wait."""
    migrate(sqlite_engine(path), SCHEMA)
    database = SqliteDatabase(path, clock=SystemClock(), durability=Durability.PROCESS)
    broker = EmbeddedBroker(database, clock=CLOCK, queues=QUEUES)
    for _ in range(waiting // 1000):
        await broker.send(QUEUE, [Message(body=WAITING_BODY)] * 1000)
    await broker.close()
    await database.close()


@asynccontextmanager
async def serving(folder: Path, durability: Durability) -> AsyncIterator[tuple[int, str]]:
    """Run `tocsin broker` on a data folder; yields its process id and connection string."""
    config = folder / "Config.json"
    config.write_text(json.dumps(CONFIG))
    process = await asyncio.create_subprocess_exec(
        *(str(ROOT / "tocsin"), "broker", "--data", str(folder), "--config", str(config)),
        *("--listen", "127.0.0.1:0", "--durability", durability.value),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            if found := CONNECTION_STRING.search(line):
                yield process.pid, found[0]
                break
    finally:
        process.terminate()
        await process.wait()


async def ask(connection_string: str, **plan: object) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.broker_client"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    whole = {"connection_string": connection_string, "queue": QUEUE, **plan}
    output, _ = await process.communicate(json.dumps(whole).encode())
    if process.returncode:
        raise SystemExit(f"the client failed at {plan}")
    answer: dict[str, float] = json.loads(output)
    return answer


async def measure_over_amqp(folder: Path, seconds: float, durability: Durability) -> None:
    async with serving(folder, durability) as (pid, connection_string):
        for sdk in ("sync", "async"):
            for what, at_once, prefetch in (
                ("send", 1, 0),
                ("send", BATCH, 0),
                ("receive", 1, 0),
                ("receive", BATCH, 0),
                ("receive", 1, BATCH),
            ):
                before = cpu_seconds(pid)
                answer = await ask(
                    connection_string,
                    what=what,
                    sdk=sdk,
                    seconds=seconds,
                    at_once=at_once,
                    prefetch=prefetch,
                )
                used = (cpu_seconds(pid) - before) / answer["count"] * 1e6
                name = f"{what} {at_once}" + (f", prefetch {prefetch}" if prefetch else "")
                print(
                    f"{f'AMQP {sdk}':<11}{name:<26}{answer['count'] / answer['seconds']:>9,.0f}/s"
                    f"{used:>7.0f} µs CPU a message, client {answer['cpu'] / answer['count'] * 1e6:.0f}",
                    flush=True,
                )
        for what in ("latency", "lateness"):
            answer = await ask(connection_string, what=what, sdk="async", queue=TIMES)
            show_answer("AMQP async", what, answer)


def show(where: str, what: str, callers: int, figure: Figure) -> None:
    print(f"{where:<11}{what:<22}{callers:>3} at once {figure}", flush=True)


def show_times(where: str, what: str, found: list[float]) -> None:
    show_answer(where, what, summary(found))


def show_answer(where: str, what: str, answer: dict[str, float]) -> None:
    times = "   ".join(
        f"{name[:3]} {answer[name]:.2f} ms" for name in ("p50_ms", "p99_ms", "max_ms")
    )
    print(f"{where:<11}{what:<22}{times}", flush=True)


async def measure(folder: Path, seconds: float, waiting: int) -> None:
    for many in (0, waiting):
        seeded = folder / "seeded.db"
        seeded.unlink(missing_ok=True)
        await seed(seeded, many)
        for durability in Durability:
            print(f"\n{many:,} messages waiting, durability {durability.value}")
            bare = bare_loop(folder / "bare.db", seconds, durability=durability)
            show("sqlite3", "bare insert", 1, bare)
            path = folder / "in-process.db"
            shutil.copy(seeded, path)
            await measure_in_process(path, seconds, durability)
            path.unlink()
            served = folder / f"broker-{many}-{durability.value}"
            served.mkdir(mode=0o700)
            shutil.copy(seeded, served / f"{NAMESPACE}.db")
            await measure_over_amqp(served, seconds, durability)
            shutil.rmtree(served)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    waiting = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{describe()}, fsync {fsync_milliseconds(folder):.2f} ms, process {os.getpid()}")
        asyncio.run(measure(folder, seconds, waiting))


if __name__ == "__main__":
    main()
