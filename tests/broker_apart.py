"""A broker that is not in the database it serves, as Service Bus is not: what is sent with a commit goes after it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from shared.clock import Clock
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import TOCSIN_QUEUES
from shared.messaging.message import Message
from shared.sql.database import Transaction
from shared.sql.inline import InlineDatabase
from tests.empty_database import empty_database


class BrokerApart(EmbeddedBroker):
    """Broker and TransactionalSender, in a file of its own."""

    sends_with_commit = False

    def __init__(self, database: InlineDatabase, *, clock: Clock) -> None:
        super().__init__(database, clock=clock, queues=TOCSIN_QUEUES)
        self._sending: set[asyncio.Task[None]] = set()

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        transaction.on_commit(lambda: self._send_soon(entity, messages))

    def _send_soon(self, entity: str, messages: Sequence[Message]) -> None:
        task = asyncio.ensure_future(self.send(entity, messages))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


@asynccontextmanager
async def broker_apart(folder: Path, clock: Clock) -> AsyncIterator[BrokerApart]:
    """Open a broker in a new file in `folder`."""
    path = folder / "broker.db"
    path.write_bytes(empty_database(SCHEMA))
    database = InlineDatabase(path)
    broker = BrokerApart(database, clock=clock)
    try:
        yield broker
    finally:
        await broker.close()
        await database.close()
