"""The engine over a real file and the embedded broker, one step at a time, with an action that a test answers."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from shared.events.batch import read_batch
from shared.events.cloudevent import CloudEvent
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import EXECUTIONS, HISTORY, TOCSIN_QUEUES
from shared.messaging.wake_up import WakeUp
from shared.scheduler.action import Action, Attempt, Outcome
from shared.scheduler.announcements import JobPath
from shared.scheduler.claiming import Claims
from shared.scheduler.engine import Ticker
from shared.scheduler.executions import Executions
from shared.scheduler.limits import Limits
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import Planned, Planner
from shared.scheduler.recording import Recorder
from shared.scheduler.retry import Retries
from shared.scheduler.starting import Starter
from shared.scheduler.store import (
    SchedulerStore,
    StoredCloudService,
    StoredJob,
    StoredJobCollection,
)
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.sql import sql_store
from shared.scheduler.stores.tables import SCHEMA
from shared.scheduler.sweep import Sweep
from shared.sql.database import Database, Transaction
from shared.sql.inline import InlineDatabase
from shared.wire.job import Job, JobHistory, JobState
from shared.wire.json_types import Json
from shared.wire.model import read
from tests.clocks import FakeClock
from tests.empty_database import empty_database
from tests.event_conformance import check_event

SUBSCRIPTION = "s1"
RUN_NOW_DELAY = timedelta(seconds=20)
JOB: dict[str, Json] = {
    "action": {"type": "http", "request": {"uri": "http://target.example/", "method": "POST"}}
}
OK = Outcome(is_success=True, message="OK")
FAILED = Outcome(is_success=False, message="failed")


@dataclass
class RecordingAction:
    """Remembers attempts; answers with what the test has put into `outcomes`, and success after that.

    Between the two, each attempt takes one of `meanwhile`, if there is one, and lets it happen. With a `real` action
    the answers are that one's.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    real: Action | None = None

    async def execute(self, attempt: Attempt) -> Outcome:
        self.attempts.append(attempt)
        answer = None if self.real is None else await self.real.execute(attempt)
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return answer or (self.outcomes.pop(0) if self.outcomes else OK)

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass
class EngineStack:
    """Engine, executions and what is under them; nothing runs unless a test says so."""

    database: Database
    broker: EmbeddedBroker
    store: SchedulerStore
    outgoing: Outgoing
    planner: Planner
    claims: Claims
    ticker: Ticker
    executions: Executions
    sweep: Sweep
    action: RecordingAction
    clock: FakeClock
    collection_id: int = 0

    async def prepare(self) -> None:
        """Make the cloud service and the collection."""

        def insert(tx: Transaction) -> int:
            service = self.store.cloud_services.insert(
                tx.connection,
                SUBSCRIPTION,
                StoredCloudService(name="Cs1", etag="e", definition='{"geoRegion":"West Europe"}'),
            )
            collection = StoredJobCollection(
                cloud_service_id=service,
                name="Jc1",
                etag="e",
                plan="Standard",
                definition="{}",
                operation_type="Create",
                operation_result="Succeeded",
            )
            return self.store.job_collections.insert(tx.connection, collection)

        self.collection_id = await self.database.run(insert)

    def planned(self, job: StoredJob) -> Planned:
        path = JobPath(
            subscription=SUBSCRIPTION, cloud_service="Cs1", job_collection="Jc1", job=job.name
        )
        return Planned(job=job, path=path, now=self.clock.now())

    async def put(self, name: str, **members: Json) -> StoredJob:
        """Define a job, as PUT does, and plan it."""
        return await self._change(name, {**JOB, **members}, resets=True)

    async def patch(self, name: str, **members: Json) -> StoredJob:
        """Change when a job runs, or its state, as PATCH does."""
        document: dict[str, Json] = json.loads((await self.job(name)).definition)
        return await self._change(name, {**document, **members}, resets=False)

    async def _change(self, name: str, document: dict[str, Json], *, resets: bool) -> StoredJob:
        def change(tx: Transaction) -> StoredJob:
            definition = read(Job, document)
            found = self.store.jobs.find(tx.connection, self.collection_id, name)
            new = StoredJob(name=name, state=definition.state, definition=json.dumps(document))
            if found is None:
                self.store.jobs.insert(tx.connection, self.collection_id, new)
            else:
                self.store.jobs.update(tx.connection, self.collection_id, new)
            planned = self.planned(self._find(tx, name))
            if definition.state is JobState.ENABLED:
                self.planner.define(tx, planned, definition, resets=resets)
            else:
                self.planner.stop(tx, planned, resets=resets)
            return self._find(tx, name)

        return await self.database.run(change)

    async def delete(self, name: str) -> None:
        def delete(tx: Transaction) -> None:
            job = self._find(tx, name)
            self.planner.forget(tx, self.planned(job))
            self.store.jobs.delete(tx.connection, self.collection_id, name)

        await self.database.run(delete)

    async def run_now(self, name: str) -> None:
        def run(tx: Transaction) -> None:
            self.planner.run_now(tx, self.planned(self._find(tx, name)), origin="r1")

        await self.database.run(run)

    async def job(self, name: str) -> StoredJob:
        return await self.database.run(lambda tx: self._find(tx, name))

    async def history(self, name: str) -> Sequence[JobHistory]:
        """Return the newest hundred records."""
        job = await self.job(name)
        records = await self.database.run(
            lambda tx: self.store.history.list(
                tx.connection, job.id, status=None, state=None, skip=0, top=100
            )
        )
        return [record.history for record in records]

    async def work(self) -> int:
        """Follow every wake-up that is there; returns how many."""
        receiver = self.broker.receiver(EXECUTIONS)
        done = 0
        while messages := await receiver.receive(max_messages=1, max_wait=timedelta(0)):
            for message in messages:
                await self.executions.run(WakeUp.decode(message.message.body))
                await receiver.complete(message)
                done += 1
        return done

    async def step(self, duration: timedelta = timedelta(0)) -> None:
        """Let time pass, then claim and run whatever is due at that instant."""
        await self.clock.advance(duration)
        await self.ticker.tick()
        await self.work()

    async def told(self) -> list[CloudEvent]:
        """Send what is to be told, and take what the queue `history` holds; every event is what its schema says."""
        events = await self.taken()
        for event in events:
            check_event(json.loads(event.encode()))
        return events

    async def taken(self) -> list[CloudEvent]:
        """Do what `told` does with events of jobs that are none."""
        await self.outgoing.send()
        receiver = self.broker.receiver(HISTORY)
        events: list[CloudEvent] = []
        while messages := await receiver.receive(max_messages=1, max_wait=timedelta(0)):
            for message in messages:
                batch = read_batch(message.message.body)
                assert batch.faults == ()
                events += [one.event for one in batch.events.values()]
                await receiver.complete(message)
        return events

    def _find(self, tx: Transaction, name: str) -> StoredJob:
        found = self.store.jobs.find(tx.connection, self.collection_id, name)
        assert found is not None
        return found


def migrated(folder: Path) -> Path:
    """Return a database file with the tables of broker and Scheduler."""
    path = folder / "tocsin.db"
    if not path.exists():
        path.write_bytes(empty_database(BROKER_SCHEMA, SCHEMA))
    return path


def build_stack(
    database: Database,
    clock: FakeClock,
    *,
    broker: EmbeddedBroker | None = None,
    horizon: timedelta = timedelta(0),
    limits: Limits | None = None,
    new_id: Callable[[], str] | None = None,
) -> EngineStack:
    """Wire the engine on a database whose tables are there; opens nothing. The broker is that of the same file, or
    `broker`."""
    broker = broker or EmbeddedBroker(database, clock=clock, queues=TOCSIN_QUEUES)
    store = sql_store(broker)
    outgoing = Outgoing(database, SqlOutgoing(), broker)
    numbers = count(1)
    ids = new_id or (lambda: f"x{next(numbers)}")
    planner = Planner(store, outgoing, new_id=ids, run_now_delay=RUN_NOW_DELAY)
    claims = Claims(store, planner, outgoing, new_id=ids)
    action = RecordingAction()
    limits = limits or Limits(attempts_per_host=1000, starts_per_second=1000)
    retries = Retries(count=4, interval=timedelta(seconds=30))
    return EngineStack(
        database=database,
        broker=broker,
        store=store,
        outgoing=outgoing,
        planner=planner,
        claims=claims,
        ticker=Ticker(database, claims, outgoing=outgoing, clock=clock, horizon=horizon),
        executions=Executions(
            database,
            action,
            starter=Starter(store, outgoing, limits),
            recorder=Recorder(store, outgoing, retries=retries),
            outgoing=outgoing,
            clock=clock,
        ),
        sweep=Sweep(database, store, outgoing),
        action=action,
        clock=clock,
    )


@asynccontextmanager
async def open_engine(folder: Path, clock: FakeClock, **parts: Any) -> AsyncIterator[EngineStack]:
    """Open the engine on a new file in `folder`, with a collection in it."""
    database = InlineDatabase(migrated(folder))
    stack = build_stack(database, clock, **parts)
    await stack.prepare()
    yield stack
    await stack.broker.close()
    await database.close()
