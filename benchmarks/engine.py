"""The engine: how late it starts what is due, and how much it claims, runs and records; APScheduler in the same run.

python -m benchmarks.engine [seconds of lateness] [jobs of dispatch]
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from socket import create_server

from sqlalchemy import text

from benchmarks import peer
from benchmarks.broker import Figure, measured
from benchmarks.machine import describe, fsync_milliseconds
from shared.cli.program import keep_out_of_collections
from shared.clock import SystemClock, to_microseconds
from shared.messaging.broker import Receiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import EXECUTIONS, TOCSIN_QUEUES
from shared.messaging.message import ReceivedMessage
from shared.messaging.wake_up import WakeUp
from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Action, Attempt, Outcome
from shared.scheduler.actions.access_tokens import AccessTokens
from shared.scheduler.actions.client_contexts import ClientContexts
from shared.scheduler.actions.credentials import Credentials
from shared.scheduler.actions.http_request import HttpRequestAction
from shared.scheduler.announcements import JobPath
from shared.scheduler.claiming import Claims
from shared.scheduler.engine import ResidentEngine, Ticker
from shared.scheduler.executions import Executions
from shared.scheduler.limits import Limits
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import Planned, Planner
from shared.scheduler.recording import Recorder
from shared.scheduler.recurrence import occurrences
from shared.scheduler.retry import DEFAULT_INTERVAL, Retries
from shared.scheduler.starting import Starter
from shared.scheduler.store import StoredCloudService, StoredJob, StoredJobCollection
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.sql import sql_store
from shared.scheduler.stores.tables import SCHEMA
from shared.sealing import Sealer
from shared.sql.database import Transaction
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from shared.tls import client_context
from shared.wire.job import Job, JobState
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from shared.wire.recurrence import Frequency, MonthlyOccurrence, Schedule, WeekDay
from shared.wire.times import format_instant

DUE_PER_SECOND = 50
AT_ONCE = 256
STEP = 500
LEAD = timedelta(seconds=3)
LOOK_EVERY = timedelta(milliseconds=250)
"""Counting what has ended costs too."""
LONG_AGO = "2026-01-01T00:00:00Z"
RECURRENCES = 200_000
SCHEDULES = {
    "two minutes of every hour": (Frequency.HOUR, Schedule(minutes=(15, 45))),
    "twice a day": (Frequency.DAY, Schedule(hours=(5, 17), minutes=(30,))),
    "quarter hours of working days": (
        Frequency.WEEK,
        Schedule(week_days=tuple(WeekDay)[1:6], hours=tuple(range(9, 17)), minutes=(0, 15, 30, 45)),
    ),
    "first and last day of a month": (Frequency.MONTH, Schedule(month_days=(1, -1))),
    "fifth Friday of a month": (
        Frequency.MONTH,
        Schedule(monthly_occurrences=(MonthlyOccurrence(day=WeekDay.FRIDAY, occurrence=5),)),
    ),
}
PEER_SHARE = 10
"""APScheduler gets a tenth of the jobs: with all of them it takes minutes."""


class NoAction:
    """An action that has nothing to do."""

    async def execute(self, attempt: Attempt) -> Outcome:
        return Outcome(is_success=True, message="")

    async def close(self) -> None:
        pass


@dataclass
class Bench:
    """The engine on a file of its own, and the loop that follows its wake-ups as the local host does."""

    database: SqliteDatabase
    broker: EmbeddedBroker
    action: Action
    clock: SystemClock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self.store = sql_store(self.broker)
        self.outgoing = Outgoing(self.database, SqlOutgoing(), self.broker)
        self.planner = Planner(
            self.store, self.outgoing, new_id=new_id, run_now_delay=timedelta(hours=1)
        )
        claims = Claims(self.store, self.planner, self.outgoing, new_id=new_id)
        ticker = Ticker(
            self.database, claims, outgoing=self.outgoing, clock=self.clock, horizon=timedelta(0)
        )
        self.engine = ResidentEngine(ticker, self.clock)
        self.executions = Executions(
            self.database,
            self.action,
            starter=Starter(
                self.store,
                self.outgoing,
                Limits(attempts_per_host=10**6, starts_per_second=10**6),
            ),
            recorder=Recorder(
                self.store, self.outgoing, retries=Retries(count=0, interval=DEFAULT_INTERVAL)
            ),
            outgoing=self.outgoing,
            clock=self.clock,
        )

    async def define(self, documents: Sequence[JsonObject]) -> None:
        """Store and plan jobs."""
        collection = await self.database.run(self._container)
        numbered = list(enumerate(documents))
        for first in range(0, len(numbered), STEP):
            part = numbered[first : first + STEP]

            def insert(tx: Transaction, part: Sequence[tuple[int, JsonObject]] = part) -> None:
                for number, document in part:
                    self._insert(tx, collection, f"job{number}", document)

            await self.database.run(insert)
        await self.outgoing.send()

    async def make_due(self, instant: datetime) -> None:
        """Let every job have its next occurrence at one instant."""

        def change(tx: Transaction) -> None:
            tx.connection.execute(
                text("UPDATE job_timing SET next_occurrence = :at"),
                {"at": to_microseconds(instant)},
            )

        await self.database.run(change)
        await self.engine.planned(instant)

    async def recorded(self) -> int:
        """Return how many executions have ended."""

        return await self.database.read(
            lambda connection: int(
                connection.execute(
                    text("SELECT count(*) FROM execution WHERE ended_at IS NOT NULL")
                ).scalar_one()
            )
        )

    async def lateness(self) -> list[float]:
        """Return how many milliseconds after its occurrence each execution started."""
        rows = await self.database.read(
            lambda connection: connection.execute(
                text("SELECT started_at - occurrence FROM history")
            ).all()
        )
        return [row[0] / 1000 for row in rows]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Claim and follow wake-ups while the block runs."""
        receiver = self.broker.receiver(EXECUTIONS)
        tasks = [asyncio.create_task(self.engine.run())]
        tasks += [asyncio.create_task(self._follow(receiver)) for _ in range(AT_ONCE)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, receiver: Receiver) -> None:
        while True:
            for message in await receiver.receive(max_messages=1, max_wait=None):
                await self._run(receiver, message)

    async def _run(self, receiver: Receiver, message: ReceivedMessage) -> None:
        await self.executions.run(WakeUp.decode(message.message.body))
        await receiver.complete(message)

    def _container(self, tx: Transaction) -> int:
        service = StoredCloudService(name="cs", etag="e", definition='{"geoRegion":"West Europe"}')
        collection = StoredJobCollection(
            cloud_service_id=self.store.cloud_services.insert(tx.connection, "s", service),
            name="jc",
            etag="e",
            plan="P20Premium",
            definition="{}",
            operation_type="Create",
            operation_result="Succeeded",
        )
        return self.store.job_collections.insert(tx.connection, collection)

    def _insert(self, tx: Transaction, collection: int, name: str, document: JsonObject) -> None:
        row = StoredJob(name=name, state=JobState.ENABLED, definition=json.dumps(document))
        job_id = self.store.jobs.insert(tx.connection, collection, row)
        path = JobPath(subscription="s", cloud_service="cs", job_collection="jc", job=name)
        planned = Planned(job=replace(row, id=job_id), path=path, now=self.clock.now())
        self.planner.define(tx, planned, read(Job, document), resets=True)


def new_id() -> str:
    return str(uuid.uuid4())


@asynccontextmanager
async def opened(action: Action) -> AsyncIterator[Bench]:
    """Open the engine on a new file, with `synchronous=FULL`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tocsin.db"
        engine = sqlite_engine(path)
        migrate(engine, BROKER_SCHEMA)
        migrate(engine, SCHEMA)
        engine.dispose()
        database = SqliteDatabase(path, clock=SystemClock())
        broker = EmbeddedBroker(database, clock=SystemClock(), queues=TOCSIN_QUEUES)
        try:
            yield Bench(database, broker, action)
        finally:
            await action.close()
            await broker.close()
            await database.close()


def job(uri: str = "http://target.example/", **members: object) -> JsonObject:
    document = {"action": {"type": "http", "request": {"uri": uri, "method": "POST", "body": "{}"}}}
    return {**document, **members}  # type: ignore[dict-item]  # literals of JSON


async def measure_lateness(seconds: int) -> str:
    """Have 50 jobs a second fall due, evenly spread."""
    async with opened(NoAction()) as bench:
        count = seconds * DUE_PER_SECOND
        began = bench.clock.now() + LEAD + timedelta(milliseconds=count / 4)
        instants = [began + timedelta(seconds=1) / DUE_PER_SECOND * n for n in range(count)]
        await bench.define([job(startTime=format_instant(instant)) for instant in instants])
        with measured() as figure:
            async with bench.running():
                while await bench.recorded() < count:
                    await bench.clock.sleep(LOOK_EVERY)
        figure.count = count
        return f"{spread(await bench.lateness())}, {figure.cpu / count * 1e6:.0f} µs CPU a job"


async def measure_dispatch(action: Action, jobs: int, uri: str) -> Figure:
    """Have every job fall due at once, and wait until all are recorded."""
    async with opened(action) as bench:
        hourly = job(uri, recurrence={"frequency": "hour"}, startTime=LONG_AGO)
        await bench.define([hourly] * jobs)
        await bench.make_due(bench.clock.now())
        keep_out_of_collections()
        with measured() as figure:
            async with bench.running():
                while await bench.recorded() < jobs:
                    await bench.clock.sleep(LOOK_EVERY)
        figure.count = jobs
        return figure


@contextmanager
def target() -> Iterator[str]:
    """Run the bare loop in a process of its own, which answers 202; returns its URI."""
    import subprocess

    with closing(create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", str(port)])
    try:
        time.sleep(2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


def recurrences(frequency: Frequency, schedule: Schedule | None = None) -> float:
    """Return how many next occurrences of one recurrence are computed a second."""
    anchor = datetime(2016, 1, 31, tzinfo=UTC)
    of = occurrences(
        anchor=anchor, frequency=frequency, interval=1, schedule=schedule, end_time=None
    )
    after = datetime(2026, 1, 1, tzinfo=UTC)
    step = timedelta(minutes=7)
    began = time.perf_counter()
    for _ in itertools.repeat(None, RECURRENCES):
        of.next_after(after)
        after += step
    return RECURRENCES / (time.perf_counter() - began)


def rate(figure: Figure) -> str:
    cost = figure.cpu / figure.count * 1e6
    return f"{figure.count / figure.seconds:>9,.0f}/s {cost:>6.0f} µs CPU a job"


def spread(milliseconds: Sequence[float]) -> str:
    ordered = sorted(milliseconds)
    last = len(ordered) - 1
    figures = ", ".join(
        f"{name} {ordered[round(last * share)]:.1f}"
        for name, share in (("least", 0), ("p50", 0.5), ("p99", 0.99), ("most", 1))
    )
    return f"{figures} ms late"


async def main(seconds: int, jobs: int) -> None:
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        print(f"fsync {fsync_milliseconds(Path(folder)):.2f} ms")
    for frequency in Frequency:
        print(f"next occurrence, every {frequency}: {recurrences(frequency):,.0f}/s")
    for name, (frequency, schedule) in SCHEDULES.items():
        print(f"next occurrence, {name}: {recurrences(frequency, schedule):,.0f}/s")
    figure = await measure_dispatch(NoAction(), jobs, "http://target.example/")
    print(f"dispatch, no action:      {rate(figure)}")
    guard = AddressGuard((ip_network("127.0.0.0/8"),))
    with target() as uri:
        clock = SystemClock()
        credentials = Credentials(
            sealer=Sealer({"k": b"k" * 32}, current="k"),
            tokens=AccessTokens("https://login.example", clock),
            contexts=ClientContexts(client_context),
        )
        action = HttpRequestAction(guard, credentials=credentials, clock=clock)
        figure = await measure_dispatch(action, jobs, uri)
    print(f"dispatch, loopback POST:  {rate(figure)}")
    print(f"{DUE_PER_SECOND} due/s over {seconds} s: {await measure_lateness(seconds)}")
    await measure_peer(seconds, jobs)


async def measure_peer(seconds: int, jobs: int) -> None:
    figure = await peer.measure_dispatch(jobs // PEER_SHARE)
    print(f"APScheduler, dispatch of {jobs // PEER_SHARE}: {rate(figure)}")
    late, figure = await peer.measure_lateness(DUE_PER_SECOND, seconds)
    cost = f"{figure.cpu / figure.count * 1e6:.0f} µs CPU a job"
    print(f"APScheduler, {DUE_PER_SECOND} due/s over {seconds} s: {spread(late)}, {cost}")


if __name__ == "__main__":
    import uvloop

    arguments = [int(argument) for argument in sys.argv[1:]]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*arguments, *(60, 20_000)[len(arguments) :]))
