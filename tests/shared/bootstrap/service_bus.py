"""A Scheduler without a connector, on a Service Bus namespace that is served by the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path

from shared.bootstrap import Application
from shared.key_ring import create_key_file
from shared.messaging.entities import TOCSIN_QUEUES, NamespaceDescription
from shared.messaging.message import Message
from shared.scheduler.outgoing import Outgoing
from shared.settings import BrokerKind, Role, Settings
from tests.shared.messaging.amqp.serving import Served, serving

NAMESPACE = NamespaceDescription(name="ns", queues=TOCSIN_QUEUES)


class OpenApplication(Application):
    """Shows how the parts of it are wired."""

    async def commit(self, entity: str, message: Message) -> None:
        """Commit a transaction that sends."""
        await self._database.run(lambda tx: self.broker.send_in(tx, entity, [message]))

    @cached_property
    def outgoing(self) -> Outgoing:
        return self.scheduler._outgoing

    async def tell(self, body: bytes) -> None:
        """Commit what is to be told to the connector, and tell it."""
        await self._database.run(lambda tx: self.outgoing._store.insert(tx, body))
        await self.outgoing.send()


@asynccontextmanager
async def on_service_bus(data_dir: Path) -> AsyncIterator[tuple[OpenApplication, Served]]:
    """Open an application and close it."""
    key_file = data_dir / "data-key.json"
    create_key_file(key_file)
    async with serving(NAMESPACE) as served:
        app = OpenApplication(
            Settings(
                data_dir=data_dir,
                role=Role.SCHEDULER,
                data_key_file=key_file,
                broker=BrokerKind.SERVICEBUS,
                service_bus_connection=served.connection_string,
            )
        )
        await app.open()
        try:
            yield app, served
        finally:
            await app.close()
