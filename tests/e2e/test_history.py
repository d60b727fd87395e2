"""From a transaction of the scheduler side to the log of the connector, over one file and the queue `history`.

On a Service Bus, which is a served broker of ours here, each life of the process has connections of its own; the strict
broker is ten times as unkind as that of the local host.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from shared.cli.demo.stage import Transport
from shared.connector.history import History
from shared.connector.rejection import QueueMessage
from shared.errors import MessageLockLostError, TransientError
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.events.log import EventLog
from shared.events.tables import SCHEMA as EVENTS_SCHEMA
from shared.host.strict import StrictBroker
from shared.messaging.broker import Broker, Receiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import HISTORY, REJECTED, TOCSIN_QUEUES, NamespaceDescription
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from shared.scheduler.announcements import JobPath, SkipReason, job_event
from shared.scheduler.execution_store import Range
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.skips import told
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.tables import SCHEMA as SCHEDULER_SCHEMA
from shared.settings import BrokerKind
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import START, FakeClock
from tests.shared.connector.killing import Countdown, Killed, MortalDatabase
from tests.shared.messaging.amqp.serving import present_clock, serving

PATH = JobPath(subscription="s", cloud_service="cs", job_collection="jc", job="j")
LONGER_THAN_A_LOCK = timedelta(minutes=2)
NAMESPACE = NamespaceDescription(name="tocsin", queues=TOCSIN_QUEUES)
TRANSPORTS = [
    pytest.param(Transport(broker=kind, is_strict=is_strict), id=kind + "-strict" * is_strict)
    for kind in BrokerKind
    for is_strict in (False, True)
]


class Harsh(Random):
    """Whatever happens now and then happens ten times as often."""

    def random(self) -> float:
        return super().random() / 10


class Machine:
    """What outlives a process: the file, the broker's namespace, the time."""

    def __init__(self, database: InlineDatabase, clock: FakeClock, *, is_strict: bool) -> None:
        self.database = database
        self.clock = clock
        self.countdown = Countdown()
        self.connection: ServiceBusConnection | None = None
        self.brokers: list[EmbeddedBroker | ServiceBusBroker] = []
        self._random = Harsh(1) if is_strict else None

    def start(self) -> "Process":
        """Start another process; those before it are dead."""
        broker = self._new_broker()
        self.brokers.append(broker)
        source: Broker = broker
        if self._random is not None:
            source = StrictBroker(broker, random=self._random)
        return Process(self, broker, source)

    def _new_broker(self) -> EmbeddedBroker | ServiceBusBroker:
        if self.connection is None:
            return EmbeddedBroker(self.database, clock=self.clock, queues=TOCSIN_QUEUES)
        return ServiceBusBroker(self.connection, clock=self.clock)


class Process:
    """Both sides in one process, which may die before or after any transaction of its own."""

    def __init__(
        self, machine: Machine, broker: EmbeddedBroker | ServiceBusBroker, source: Broker
    ) -> None:
        mortal = MortalDatabase(machine.database, machine.countdown)
        self._database = mortal
        self._source = source
        self.broker = broker
        self._outgoing = Outgoing(mortal, SqlOutgoing(), broker)
        self.log = EventLog(mortal, machine.clock, broker)
        self._history = History(
            mortal,
            sender=broker,
            event_log=self.log,
            source=PATH.source,
            known_operations=lambda _, names: frozenset(),
        )
        self.locks_lost = 0

    async def tell(self, events: list[CloudEvent]) -> None:
        await self._database.run(lambda transaction: self._outgoing.insert(transaction, events))

    async def work(self) -> None:
        """What sweep and the queue's function do, until the queue is empty."""
        await self._outgoing.send()
        receiver = self._source.receiver(HISTORY)
        while await self.broker.peek(HISTORY):
            with suppress(TransientError):
                await self._run_function(receiver)

    async def _run_function(self, receiver: Receiver) -> None:
        for found in await receiver.receive(max_messages=1, max_wait=timedelta()):
            await self._history.publish(
                QueueMessage(body=found.message.body, queue=HISTORY, sequence_number=1)
            )
            try:
                await receiver.complete(found)
            except MessageLockLostError:
                self.locks_lost += 1


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


@pytest.fixture
async def machine(transport: Transport, database: InlineDatabase) -> AsyncIterator[Machine]:
    clock = present_clock()
    machine = Machine(database, clock, is_strict=transport.is_strict)
    if transport.broker is BrokerKind.EMBEDDED:
        yield machine
        return
    async with serving(NAMESPACE, clock=clock) as served:
        machine.connection = ServiceBusConnection(connection_string=served.connection_string)
        yield machine
        await asyncio.gather(*(broker.close() for broker in machine.brokers))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_p7_events_of_jobs_are_in_the_log_once_wherever_the_process_dies(
    transport: Transport, machine: Machine
) -> None:
    expected: list[str] = []
    process = machine.start()
    locks_lost = 0
    deaths = 0
    for point in itertools.count():
        events = [
            job_event(one, PATH, document={"id": "j"}, cause=f"r{point}", at=machine.clock.now())
            for one in (EventType.JOB_CREATED, EventType.JOB_DELETED)
        ]
        await process.tell(events)
        expected += [event.id for event in events]
        machine.countdown.left = point
        try:
            await process.work()
            break
        except Killed:
            deaths += 1
            locks_lost += process.locks_lost
            await machine.clock.advance(LONGER_THAN_A_LOCK)
            process = machine.start()
            await process.work()
    machine.countdown.left = None

    survivor = machine.start()
    assert [one.event.id for one in await survivor.log.read(since=0, limit=1_000)] == expected
    assert await survivor.broker.peek(REJECTED) == []
    if transport.is_strict:
        assert deaths >= 4
        assert locks_lost + process.locks_lost > 0
    else:
        assert (deaths, locks_lost + process.locks_lost) == (4, 0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_is_told_of_the_longest_names_is_taken(machine: Machine) -> None:
    path = JobPath(
        subscription=PATH.subscription,
        cloud_service="c" * 100,
        job_collection="c" * 100,
        job="\U0001f514" * 100,
    )
    skipped = Range(reason=SkipReason.MISSED, first=START, last=START)
    process = machine.start()

    await process.tell([told(skipped, 2**63 - 1, path=path, now=START, is_open=False)])
    await process.work()

    (one,) = await process.log.read(since=0, limit=10)
    assert one.event.subject == path.subject
