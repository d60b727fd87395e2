"""From a transaction of the scheduler side to the log of the connector, over one file and the queue `history`."""

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.connector.history import History
from shared.connector.rejection import QueueMessage
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.events.log import EventLog
from shared.events.tables import SCHEMA as EVENTS_SCHEMA
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import HISTORY, REJECTED, TOCSIN_QUEUES
from shared.scheduler.announcements import JobPath, SkipReason, job_event
from shared.scheduler.execution_store import Range
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.skips import told
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.tables import SCHEMA as SCHEDULER_SCHEMA
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import START, FakeClock
from tests.shared.connector.killing import Countdown, Killed, MortalDatabase

PATH = JobPath(subscription="s", cloud_service="cs", job_collection="jc", job="j")
LONGER_THAN_A_LOCK = timedelta(minutes=2)


class Process:
    """Both sides in one process, which may die before or after any transaction of its own."""

    def __init__(self, database: InlineDatabase, clock: FakeClock, countdown: Countdown) -> None:
        mortal = MortalDatabase(database, countdown)
        self._database = mortal
        self.broker = EmbeddedBroker(database, clock=clock, queues=TOCSIN_QUEUES)
        self._outgoing = Outgoing(mortal, SqlOutgoing(), self.broker)
        self.log = EventLog(mortal, clock, self.broker)
        self._history = History(mortal, sender=self.broker, event_log=self.log, source=PATH.source)

    async def tell(self, events: list[CloudEvent]) -> None:
        await self._database.run(lambda transaction: self._outgoing.insert(transaction, events))

    async def work(self) -> None:
        """What sweep and the queue's function do."""
        await self._outgoing.send()
        receiver = self.broker.receiver(HISTORY)
        while found := await receiver.receive(max_messages=1, max_wait=timedelta()):
            await self._history.publish(
                QueueMessage(body=found[0].message.body, queue=HISTORY, sequence_number=1)
            )
            await receiver.complete(found[0])


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[InlineDatabase]:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    for schema in (BROKER_SCHEMA, EVENTS_SCHEMA, SCHEDULER_SCHEMA):
        migrate(engine, schema)
    engine.dispose()
    database = InlineDatabase(path)
    yield database
    await database.close()


async def test_p7_events_of_jobs_are_in_the_log_once_wherever_the_process_dies(
    database: InlineDatabase,
) -> None:
    clock, countdown = FakeClock(), Countdown()
    expected: list[str] = []
    deaths = 0
    for point in itertools.count():
        process = Process(database, clock, countdown)
        events = [
            job_event(one, PATH, document={"id": "j"}, cause=f"r{point}", at=clock.now())
            for one in (EventType.JOB_CREATED, EventType.JOB_DELETED)
        ]
        await process.tell(events)
        expected += [event.id for event in events]
        countdown.left = point
        try:
            await process.work()
            break
        except Killed:
            deaths += 1
            await clock.advance(LONGER_THAN_A_LOCK)
            await Process(database, clock, countdown).work()
    countdown.left = None

    survivor = Process(database, clock, countdown)
    assert [one.event.id for one in await survivor.log.read(since=0, limit=1_000)] == expected
    assert await survivor.broker.peek(REJECTED) == []
    assert deaths == 6


async def test_what_is_told_of_the_longest_names_is_taken(database: InlineDatabase) -> None:
    path = JobPath(
        subscription=PATH.subscription,
        cloud_service="c" * 100,
        job_collection="c" * 100,
        job="\U0001f514" * 100,
    )
    skipped = Range(reason=SkipReason.MISSED, first=START, last=START)
    process = Process(database, FakeClock(), Countdown())

    await process.tell([told(skipped, 2**63 - 1, path=path, now=START, is_open=False)])
    await process.work()

    (one,) = await process.log.read(since=0, limit=10)
    assert one.event.subject == path.subject
