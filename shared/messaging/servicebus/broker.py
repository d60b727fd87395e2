"""The broker that is a namespace of Azure Service Bus, or speaks as one.

A process has one connection for each entity that it sends to, one for each that it receives from and one for each
session: the SDK opens them in half a second (facts §2, 3), so they are kept. What breaks is opened again by the next
call; until that works, calls raise TransientError after the SDK's own tries.

It differs from the port as the SDK does: see docs/adr/0012-service-bus.md.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from weakref import WeakSet

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio import ServiceBusReceiver as SdkReceiver

from shared.clock import Clock
from shared.errors import TransientError
from shared.messaging.message import Message, StoredMessage
from shared.messaging.servicebus.connection import (
    ServiceBusConnection,
    new_client,
    new_credential,
)
from shared.messaging.servicebus.outbox import Outbox
from shared.messaging.servicebus.paths import SourcePath, source_path
from shared.messaging.servicebus.reader import EntityReader
from shared.messaging.servicebus.receiver import ServiceBusReceiver, ServiceBusSessionReceiver
from shared.messaging.servicebus.sender import EntitySender
from shared.messaging.servicebus.session_reader import SessionReader
from shared.sql.database import Transaction

logger = logging.getLogger(__name__)

RETRIES = 2
GRACE = 5.0
"""Seconds for what is being sent when the broker is closed, and again for its connections."""
SHORTEST_WAIT = 0.0005
"""Seconds; the SDK demands some."""


class ServiceBusBroker:
    """Broker and TransactionalSender."""

    sends_with_commit = False

    def __init__(self, connection: ServiceBusConnection, *, clock: Clock) -> None:
        """Raises ConfigurationError when the connection string is malformed; opens nothing."""
        self._clock = clock
        self._credential = new_credential(connection)
        self._sending = new_client(connection, self._credential, retries=RETRIES)
        # A reader tries again itself, at once; and who waited for a session in vain has waited.
        self._receiving = new_client(connection, self._credential, retries=0)
        self._senders: dict[str, EntitySender] = {}
        self._readers: dict[str, EntityReader] = {}
        self._sessions: WeakSet[SessionReader] = WeakSet()
        self._outbox = Outbox(self.send)
        self._is_closed = False

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        await self._sender(entity).send(messages)

    async def schedule(self, entity: str, messages: Sequence[Message]) -> list[int]:
        return await self._sender(entity).schedule(messages)

    async def cancel_scheduled(self, entity: str, sequence_numbers: Sequence[int]) -> None:
        await self._sender(entity).cancel_scheduled(sequence_numbers)

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        sent = tuple(messages)
        transaction.on_commit(lambda: self._outbox.add(entity, sent))

    async def peek(
        self, entity: str, *, from_sequence_number: int = 0, max_messages: int = 1
    ) -> list[StoredMessage]:
        return await self._reader(entity).peek(
            from_sequence_number=from_sequence_number, most=max_messages
        )

    def receiver(self, entity: str) -> ServiceBusReceiver:
        return ServiceBusReceiver(self._reader(entity))

    async def accept_session(
        self, entity: str, *, session_id: str | None = None, max_wait: timedelta
    ) -> ServiceBusSessionReceiver:
        self._check_open()
        path = source_path(entity)
        wait = max(max_wait.total_seconds(), SHORTEST_WAIT)
        sdk = new_receiver(self._receiving, path, wait=wait, session_id=session_id)
        reader = SessionReader(sdk, path=path, clock=self._clock)
        self._sessions.add(reader)
        try:
            await reader.accept()
        except BaseException:
            self._sessions.discard(reader)
            await sdk.close()
            raise
        return ServiceBusSessionReceiver(reader)

    async def close(self) -> None:
        if self._is_closed:
            return
        await self._outbox.flush(within=GRACE)
        self._is_closed = True
        handlers: list[EntityReader | EntitySender] = [*self._readers.values(), *self._sessions]
        handlers += self._senders.values()
        await closed(handlers)
        await self._sending.close()
        await self._receiving.close()
        if self._credential is not None:
            await self._credential.close()

    def _sender(self, entity: str) -> EntitySender:
        self._check_open()
        name = entity.lower()
        if name not in self._senders:
            self._senders[name] = EntitySender(self._sending, entity)
        return self._senders[name]

    def _reader(self, entity: str) -> EntityReader:
        name = entity.lower()
        if name not in self._readers:
            self._check_open()
            path = source_path(entity)
            self._readers[name] = EntityReader(
                new_receiver(self._receiving, path), path=path, clock=self._clock
            )
        return self._readers[name]

    def _check_open(self) -> None:
        if self._is_closed:
            raise TransientError("this process is ending")


async def closed(handlers: Sequence[EntityReader | EntitySender]) -> None:
    """Close all at once; one that cannot be closed, because its namespace is away, keeps nobody waiting."""
    if not handlers:
        return
    tasks = [asyncio.create_task(handler.close()) for handler in handlers]
    done, late = await asyncio.wait(tasks, timeout=GRACE)
    for task in late:
        task.cancel()
    for error in (task.exception() for task in done):
        if error is not None:
            logger.info("a connection did not end well: %s", error, extra={"action": "close"})


def new_receiver(
    client: ServiceBusClient,
    path: SourcePath,
    *,
    wait: float | None = None,
    session_id: str | None = None,
) -> SdkReceiver:
    """Return a receiver that is not open; one with a time to `wait` for it is for a session, by default the next."""
    options: dict[str, Any] = {}
    if wait is not None:
        options = {"session_id": session_id or NEXT_AVAILABLE_SESSION, "max_wait_time": wait}
    elif path.is_dead_letter:
        options = {"sub_queue": ServiceBusSubQueue.DEAD_LETTER}
    if path.queue is not None:
        return client.get_queue_receiver(path.queue, **options)
    assert path.topic is not None
    assert path.subscription is not None
    return client.get_subscription_receiver(path.topic, path.subscription, **options)
