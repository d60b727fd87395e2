"""Links without a wire, and a namespace for the nodes behind them."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.messaging.amqp.codec.performatives import Error
from shared.messaging.amqp.codec.sections import AmqpMessage, Properties, encode_message
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import NamespaceDescription
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import FakeClock


@dataclass(eq=False)
class MemoryLink:
    """An inlet that remembers how it was ended."""

    detached: list[Error | None] = field(default_factory=list)

    def detach(self, error: Error | None) -> None:
        self.detached.append(error)


@dataclass(eq=False)
class MemoryOutlet(MemoryLink):
    """An outlet whose peer is the test: sends take credit, and fail where there is none."""

    credit: int = 0
    is_draining: bool = False
    sent: list[tuple[bytes, bytes, bool]] = field(default_factory=list)
    drains: int = 0
    forgotten: list[bytes] = field(default_factory=list)

    def send(self, payload: bytes, *, tag: bytes, is_settled: bool) -> None:
        assert self.credit > 0
        self.credit -= 1
        self.sent.append((payload, tag, is_settled))

    def forget(self, tags: Collection[bytes]) -> None:
        self.forgotten += tags

    def drained(self) -> None:
        self.credit, self.is_draining = 0, False
        self.drains += 1

    @property
    def tags(self) -> list[bytes]:
        return [tag for _, tag, _ in self.sent]


@asynccontextmanager
async def opened_core(
    folder: Path, clock: FakeClock, description: NamespaceDescription
) -> AsyncIterator[BrokerCore]:
    path = folder / "broker.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(path)
    core = BrokerCore(database, clock=clock, description=description)
    await core.open()
    yield core
    await core.close()
    await database.close()


def encoded(body: bytes = b"x", **properties: Any) -> bytes:
    return encode_message(AmqpMessage(properties=Properties(**properties), data=(body,)))


async def put(core: BrokerCore, path: str, clock: FakeClock, *payloads: bytes) -> list[int]:
    """Send as an inlet would."""
    return await core.send(path, Arrivals(clock, lambda: "given").envelopes(payloads))
