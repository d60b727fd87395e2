"""Everything of events in one database file, with a clock and a sink that a test moves."""

import asyncio
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from shared.clock import from_microseconds
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import Deliveries
from shared.events.delivery_store import DeliveryStore
from shared.events.event_subscription import EventSubscription
from shared.events.event_subscriptions import Chance, EventSubscriptions
from shared.events.handshake import Permission, Refusal
from shared.events.log import EventLog
from shared.events.redelivery import Redelivery
from shared.events.sink import OpenSink
from shared.events.sink_settings import EndpointRules
from shared.events.status_changes import StatusChanges
from shared.events.tables import SCHEMA
from shared.events.trials import Trials
from shared.messaging.message import Message
from shared.messaging.wake_up import WakeUp
from shared.outbound.guard import AddressGuard
from shared.sealing import Sealer
from shared.sql.database import Database, Transaction
from shared.sql.inline import InlineDatabase
from tests.clocks import FakeClock
from tests.empty_database import empty_database

SOURCE = "/subscriptions/1"
KEY = bytes(range(32))
SEALER = Sealer({"k1": bytes(32)}, current="k1")
GUARD = AddressGuard([IPv4Network("127.0.0.0/8")])
RULES = EndpointRules(guard=GUARD)


class Wakes:
    """Wake-ups sent by committed transactions; they die with the process, as over a broker that lost them."""

    sends_with_commit = True

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        assert entity == "deliveries"
        transaction.on_commit(lambda: self.messages.extend(messages))


class Answers:
    """A receiver that is asked for its permission: says what it is set to, and remembers whom it was asked about."""

    def __init__(self) -> None:
        self.answer: Permission | Refusal = Permission()
        self.asked: list[str] = []
        self._gate: asyncio.Event | None = None

    def hold(self) -> asyncio.Event:
        """Let no question be answered before the returned event is set."""
        self._gate = asyncio.Event()
        return self._gate

    async def ask(self, wanted: EventSubscription) -> Permission | Refusal:
        self.asked.append(str(wanted.sink_settings["url"]))
        if self._gate is not None:
            await self._gate.wait()
        return self.answer


@dataclass(slots=True)
class World:
    """One process's objects over a database."""

    database: Database
    clock: FakeClock
    wakes: Wakes
    log: EventLog
    event_subscriptions: EventSubscriptions
    deliveries: Deliveries
    store: DeliveryStore
    status_changes: StatusChanges
    answers: Answers
    redelivery: Redelivery
    trials: Trials

    async def insert(self, *events: CloudEvent) -> None:
        """Commit events, one transaction each, unpublished."""
        for event in events:
            await self.database.run(partial(self.log.insert, event=event))

    async def publish(self, *events: CloudEvent) -> int:
        """Commit and publish."""
        await self.insert(*events)
        return await self.log.publish()

    async def subscribe(self, **filters: Any) -> str:
        """Create an event subscription and return its id."""
        document = {"sink": {"type": "webhook", "url": "https://example.org/"}, "filter": filters}
        return (await self.create(document)).id

    async def create(self, document: object) -> EventSubscription:
        """Create an event subscription."""
        return await self.event_subscriptions.create(json.dumps(document).encode(), caller="key")

    async def patch(self, name: str, /, **members: Any) -> EventSubscription:
        """Change an event subscription."""
        return await self.event_subscriptions.patch(
            name, json.dumps(members).encode(), if_match=None, caller="key"
        )

    async def deliver_due(self) -> int:
        """Handle every wake-up that is visible by now; returns how many."""
        count = 0
        while wake_up := self.next_wake_up():
            await self.deliveries.deliver(wake_up)
            count += 1
        return count

    def next_wake_up(self) -> WakeUp | None:
        """Take the oldest message that is visible."""
        for message in self.wakes.messages:
            if (message.scheduled_enqueue_time or self.clock.now()) <= self.clock.now():
                self.wakes.messages.remove(message)
                return WakeUp.decode(message.body)
        return None

    async def until_next_wake_up(self) -> None:
        """Move the clock to the first message that is not yet visible."""
        times = [one.scheduled_enqueue_time for one in self.wakes.messages]
        self.clock.set(min(time for time in times if time is not None))

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a plain SELECT finds."""
        return await self.database.read(
            lambda connection: [tuple(row) for row in connection.exec_driver_sql(query)]
        )

    async def statuses(self) -> list[str]:
        """Return the status of every delivery, in order of numbers."""
        found = await self.rows("SELECT status FROM delivery ORDER BY number")
        return [row[0] for row in found]


def assemble(database: Database, clock: FakeClock, open_sink: OpenSink) -> World:
    """Return a new process's objects."""
    wakes = Wakes()
    log = EventLog(database, clock, wakes)
    names = itertools.count(1)
    keys = (KEY[shift:] + KEY[:shift] for shift in itertools.cycle(range(len(KEY))))
    answers = Answers()
    status_changes = StatusChanges(database, clock, sender=wakes, ask=answers.ask)
    subscriptions = EventSubscriptions(
        database,
        clock,
        sealer=SEALER,
        rules=RULES,
        chance=Chance(
            new_id=lambda: f"es{next(names)}", random_bytes=lambda size: next(keys)[:size]
        ),
        status_changes=status_changes,
    )
    store = DeliveryStore(database, log, wakes)
    deliveries = Deliveries(
        store, clock, sealer=SEALER, open_sink=open_sink, random=lambda: 0.0, source=SOURCE
    )
    return World(
        database,
        clock,
        wakes,
        log,
        subscriptions,
        deliveries,
        store,
        status_changes,
        answers,
        Redelivery(database, clock, wakes),
        Trials(database, clock, log=log, new_id=lambda: f"t{next(names)}", source=SOURCE),
    )


@asynccontextmanager
async def opened(folder: Path, open_sink: OpenSink) -> AsyncIterator[World]:
    """Migrate a database and open a world over it."""
    database = migrated(folder)
    try:
        yield assemble(database, FakeClock(), open_sink)
    finally:
        await database.close()


def migrated(folder: Path) -> InlineDatabase:
    """Return the database of `folder`, made where it is missing."""
    path = folder / "tocsin.db"
    if not path.exists():
        path.write_bytes(empty_database(SCHEMA))
    return InlineDatabase(path)


def an_event(
    name: str,
    *,
    event_type: str = "tocsin.operation.succeeded",
    subject: str = "/cloudservices/cs1/jobcollections/jc1/jobs/nightly",
) -> CloudEvent:
    """Return an event of that id."""
    return CloudEvent(
        id=name,
        source=SOURCE,
        type=event_type,
        subject=subject,
        time=from_microseconds(1_767_268_800_000_000),
        data={"name": name},
    )
