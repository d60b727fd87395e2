"""A local host over a real broker, and calls to it as a server makes them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func

from shared.clock import Clock
from shared.host.functions import HostedFunction
from shared.host.host_json import HostSettings
from shared.host.indexing import index_functions
from shared.host.keys import HostKeys
from shared.host.local import LocalHost
from shared.messaging.broker import Broker
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import QueueDescription, SubscriptionDescription, TopicDescription
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine

CONNECTION = "ServiceBusConnection"
ENVIRONMENT = {CONNECTION: "Endpoint=sb://127.0.0.1"}
KEYS = HostKeys(
    master="master-key",
    host=("host-key",),
    functions={"closed": ("own-key",), "other": ("other-key",)},
)
QUEUES = (
    QueueDescription(name="work", max_delivery_count=2, lock_duration=timedelta(seconds=60)),
    QueueDescription(name="results"),
    QueueDescription(name="turns", max_delivery_count=100, requires_session=True),
)
TOPICS = (TopicDescription(name="events", subscriptions=(SubscriptionDescription(name="all"),)),)
NO_GRACE = timedelta(0)


@asynccontextmanager
async def open_broker(folder: Path, clock: Clock) -> AsyncIterator[EmbeddedBroker]:
    """A broker on a file of its own."""
    path = folder / "broker.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(path)
    broker = EmbeddedBroker(database, clock=clock, queues=QUEUES, topics=TOPICS)
    yield broker
    await broker.close()
    await database.close()


def indexed(app: func.FunctionRegister) -> tuple[HostedFunction, ...]:
    return index_functions(app, environment=ENVIRONMENT)


def make_host(
    functions: Sequence[HostedFunction],
    *,
    broker: Broker,
    clock: Clock,
    settings: HostSettings | None = None,
) -> LocalHost:
    return LocalHost(
        functions,
        broker=broker,
        clock=clock,
        settings=settings or HostSettings(),
        keys=KEYS,
    )


@asynccontextmanager
async def running(
    app: func.FunctionRegister,
    *,
    broker: Broker,
    clock: Clock,
    settings: HostSettings | None = None,
) -> AsyncIterator[LocalHost]:
    """A host that receives and runs timers while the block lasts."""
    host = make_host(indexed(app), broker=broker, clock=clock, settings=settings)
    await host.start()
    yield host
    await host.stop(grace=NO_GRACE)


@dataclass(slots=True)
class Reply:
    """What a client would have got."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value.decode() for key, value in self.headers if key == name.encode()), None)


async def call(
    app: Any,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    body: Sequence[bytes] = (b"",),
    disconnects: bool = False,
) -> Reply:
    """Send one request to an ASGI app, its body in the given parts; then the client stays or goes."""
    target, _, query = path.partition("?")
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": target,
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
    }
    parts = [
        {"type": "http.request", "body": part, "more_body": disconnects or index < len(body)}
        for index, part in enumerate(body, 1)
    ]
    events = iter([*parts, {"type": "http.disconnect"}])
    reply = Reply()

    async def receive() -> Any:
        return next(events)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            reply.status, reply.headers = message["status"], message["headers"]
        else:
            reply.body += message["body"]

    await app(scope, receive, send)
    return reply
