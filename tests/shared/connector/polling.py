"""Polling of history over any Scheduler: a database of its own, and what it has told."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.client.memory import AsgiApp, MemorySchedulerClient
from shared.connector.deployment import Deployment
from shared.connector.history_polling import Collection, HistoryPolling
from shared.connector.reading import Reader
from shared.connector.stores.polled_history import SqlPolledHistory
from shared.connector.stores.polled_history_tables import SCHEMA
from shared.connector.terms import Terms
from shared.events.log import EventLog
from shared.events.tables import SCHEMA as EVENTS_SCHEMA
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import TOCSIN_QUEUES
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import FakeClock
from tests.event_conformance import check_event
from tests.shared.connector.world import SOURCE, SUBSCRIPTION

MINUTE = timedelta(minutes=1)
JC = Collection(source=SOURCE, cloud_service="cs1", job_collection="jc1")


@dataclass
class Poller:
    """What polls, on a clock that it shares with the Scheduler; `is_paused` as it is told."""

    polling: HistoryPolling
    store: SqlPolledHistory
    log: EventLog
    clock: FakeClock
    client: MemorySchedulerClient
    is_paused: bool = False
    _read: int = 0

    async def look(self, after: timedelta = MINUTE) -> list[dict[str, Any]]:
        """Let time pass, look, and return the events that this told."""
        await self.clock.advance(after)
        await self.polling.run_once()
        return await self.told()

    async def told(self) -> list[dict[str, Any]]:
        """Return what was told since the last call; each is what its schema says."""
        found = await self.log.read(since=self._read, limit=10_000)
        self._read = max([self._read, *(one.number for one in found)])
        events = [json.loads(one.structured) for one in found]
        for event in events:
            check_event(event)
        return events


def build_poller(
    database: Database,
    app: AsgiApp,
    clock: FakeClock,
    *,
    certificate: bytes | None = None,
    collections: Sequence[Collection] = (JC,),
) -> Poller:
    """Wire a process's polling on a database whose tables are there."""
    broker = EmbeddedBroker(database, clock=clock, queues=TOCSIN_QUEUES)
    log = EventLog(database, clock, broker)
    store = SqlPolledHistory(database, log)
    client = MemorySchedulerClient(app, certificate=certificate)
    deployment = Deployment(
        client=client, subscription=SUBSCRIPTION, timeout=MINUTE, recognises_repeats=True
    )
    polling = HistoryPolling(
        store,
        Reader(deployment, Terms(is_ours=False), clock),
        collections,
        event_log=log,
        clock=clock,
        is_paused=lambda: poller.is_paused,
    )
    poller = Poller(polling, store, log, clock, client)
    return poller


@asynccontextmanager
async def polled_database(folder: Path) -> AsyncIterator[Database]:
    """Open a new database in `folder` with the tables that polling needs."""
    path = folder / "connector.db"
    engine = sqlite_engine(path)
    for schema in (BROKER_SCHEMA, EVENTS_SCHEMA, SCHEMA):
        migrate(engine, schema)
    engine.dispose()
    database = InlineDatabase(path)
    yield database
    await database.close()


def kinds(events: Sequence[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    """Return job, outcome and which attempt it was of each attempt that is told."""
    return [
        (
            event["subject"].rpartition("/")[2],
            event["type"].rpartition(".")[2],
            event["data"]["repeatCount"],
            event["data"]["retryCount"],
        )
        for event in events
        if event["type"].startswith("tocsin.attempt.")
    ]
