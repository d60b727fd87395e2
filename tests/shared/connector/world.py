"""A connector in one database file, with a clock that a test moves and any Scheduler behind it."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from shared.client.scheduler import SchedulerClient
from shared.connector.commands import Door
from shared.connector.completion import Completion
from shared.connector.connector import Connector
from shared.connector.deployment import Deployment
from shared.connector.drafts import Drafts
from shared.connector.execute import Executor
from shared.connector.history import History
from shared.connector.listing import OperationFilter
from shared.connector.operations import Operation
from shared.connector.reading import Reader
from shared.connector.rejection import Rejections
from shared.connector.replies import Replies, allowed_queues, reply_queue_descriptions
from shared.connector.stores.known import known_operations
from shared.connector.stores.replies import SqlReplyStore
from shared.connector.stores.sql import SqlOperationStore
from shared.connector.stores.tables import SCHEMA
from shared.connector.terms import Terms
from shared.connector.upkeep import Upkeep
from shared.connector.watch import Watch
from shared.events.log import EventLog
from shared.events.tables import SCHEMA as EVENTS_SCHEMA
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import OPERATIONS, TOCSIN_QUEUES
from shared.messaging.wake_up import WakeUp
from shared.sealing import Sealer
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.wire.commands import Command, parse_commands
from tests.clocks import FakeClock
from tests.empty_database import empty_database
from tests.event_conformance import check_event
from tests.shared.connector.servers import OtherServerClient

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SOURCE = f"/subscriptions/{SUBSCRIPTION}"
SEALER = Sealer({"k1": bytes(32)}, current="k1")
REPLIES = "replies"
TERMS = Terms(is_ours=True)
JC = "/cloudservices/cs1/jobcollections/jc1"
JOB = {"action": {"type": "http", "request": {"method": "POST", "uri": "https://example.org/"}}}
OF_THE_CONNECTOR = ("tocsin.operation.", "tocsin.command.")
CLOUD_SERVICE = {"label": "l", "description": "d", "geoRegion": "West Europe"}


def message(name: str, resource: str, body: Any = None, **members: Any) -> dict[str, Any]:
    """Return a command as a message holds it."""
    document = {"command": name, "resource": resource, **members}
    return document if body is None else {**document, "body": body}


def commands(*messages: dict[str, Any]) -> list[Command]:
    return parse_commands(json.dumps(messages).encode())


def put_job(job: str = "nightly", **members: Any) -> dict[str, Any]:
    return message("CreateOrUpdateJob", f"{JC}/jobs/{job}", JOB, **members)


@dataclass(slots=True)
class World:
    """One process's objects over a database; `broker` and `log` are on the plain database."""

    clock: FakeClock
    database: Database
    broker: EmbeddedBroker
    log: EventLog
    store: SqlOperationStore
    executor: Executor
    connector: Connector
    history: History
    deliveries: list[int] = field(default_factory=list)
    """The delivery counts of the wake-ups executed."""

    async def accept(self, *messages: dict[str, Any], key: str | None = None) -> list[Operation]:
        return await self.connector.accept(
            commands(*messages), caller="key", key=key, correlation_id=None
        )

    async def work(self) -> int:
        """Execute every wake-up that is visible by now; returns how many."""
        receiver = self.broker.receiver(OPERATIONS)
        done = 0
        while received := await receiver.receive(max_messages=1, max_wait=timedelta()):
            self.deliveries.append(received[0].delivery_count)
            await self.connector.execute(WakeUp.decode(received[0].message.body))
            await receiver.complete(received[0])
            done += 1
        return done

    async def run(self, duration: timedelta = timedelta(days=2)) -> None:
        """Let time pass from one wake-up to the next until none is left or `duration` is over."""
        end = self.clock.now() + duration
        while True:
            await self.work()
            waiting = await self.broker.peek(OPERATIONS, max_messages=1000)
            times = [one.message.scheduled_enqueue_time for one in waiting]
            following = min((time for time in times if time is not None), default=None)
            if following is None or following > end:
                return
            await self.clock.advance(following - self.clock.now())

    async def operation(self, operation: Operation) -> Operation:
        return await self.connector.operation(operation.id)

    async def operations(self, *, limit: int = 100) -> Sequence[Operation]:
        """Return the operations accepted last, the newest first."""
        return (await self.connector.operations(OperationFilter(limit=limit))).operations

    async def events(self) -> list[dict[str, Any]]:
        """Return the published events in their order; those of the connector itself are what their schemas say."""
        found = [json.loads(one.structured) for one in await self.log.read(since=0, limit=10_000)]
        for event in found:
            if event["type"].startswith(OF_THE_CONNECTOR):
                check_event(event)
        return found

    async def rows(self, query: str) -> list[Sequence[Any]]:
        """Return what a plain SELECT finds."""

        def select(connection: Connection) -> list[Sequence[Any]]:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

        return await self.database.read(select)


def migrated(folder: Path) -> Path:
    """Return the database file of `folder`, with its tables."""
    path = folder / "connector.db"
    if not path.exists():
        path.write_bytes(empty_database(BROKER_SCHEMA, EVENTS_SCHEMA, SCHEMA))
    return path


def same(database: Database) -> Database:
    return database


def assemble(
    database: Database,
    client: SchedulerClient,
    clock: FakeClock,
    *,
    numbers: Iterator[int] | None = None,
    seen: Callable[[Database], Database] = same,
    broker: EmbeddedBroker | None = None,
) -> World:
    """Return a new process's objects; the connector reaches the database through `seen`.

    `numbers` make the ids of operations. The broker is in the database itself unless another is given.
    """
    queues = (*TOCSIN_QUEUES, *reply_queue_descriptions([REPLIES]))
    broker = broker or EmbeddedBroker(database, clock=clock, queues=queues)
    log = EventLog(database, clock, broker)
    connector_log = EventLog(seen(database), clock, broker)
    store = SqlOperationStore(
        seen(database),
        sender=broker,
        event_log=connector_log,
        source=SOURCE,
        public_url=None,
        kept=timedelta(days=7),
    )
    deployment = Deployment(
        client=client,
        subscription=SUBSCRIPTION,
        timeout=timedelta(seconds=60),
        recognises_repeats=not isinstance(client, OtherServerClient),
    )
    numbers = numbers or itertools.count(1)
    rejections = Rejections(
        seen(database), sender=broker, event_log=connector_log, clock=clock, source=SOURCE
    )
    door = Door(
        store,
        terms=TERMS,
        drafts=Drafts(SEALER, lambda: f"00000000-0000-0000-0000-{next(numbers):012x}"),
        rejections=rejections,
        reply_queues=allowed_queues([REPLIES]),
        clock=clock,
    )
    watch = Watch(store, clock)
    replies = Replies(SqlReplyStore(seen(database)), sender=broker, clock=clock)
    completion = Completion(watch, connector_log, replies)
    executor = Executor(
        store, deployment, completion=completion, sealer=SEALER, clock=clock, random=lambda: 1.0
    )
    connector = Connector(
        door=door,
        executor=executor,
        reader=Reader(deployment, TERMS, clock),
        watch=watch,
        upkeep=Upkeep(store, completion=completion, clock=clock),
    )
    history = History(
        seen(database),
        sender=broker,
        event_log=connector_log,
        source=SOURCE,
        known_operations=known_operations,
    )
    return World(clock, database, broker, log, store, executor, connector, history)


@asynccontextmanager
async def opened(folder: Path, client: SchedulerClient) -> AsyncIterator[World]:
    """Open a world over a new database in `folder`."""
    database = InlineDatabase(migrated(folder))
    world = assemble(database, client, FakeClock())
    try:
        yield world
    finally:
        await world.broker.close()
        await database.close()
