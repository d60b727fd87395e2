"""The broker inside the process that owns the database file.

Every call is a transaction of the database, grouped with those that others ask for at the same time. Receivers are
woken by the commit that made a message active, and one timer waits for the next lock that ends or message that
becomes due; nothing polls.

It differs from Service Bus in this: a scheduled message keeps its sequence number when it becomes active, a
dead-lettered one keeps number, enqueued time and delivery count, and both are therefore received before what was sent
later. A message scheduled on a topic is copied to the subscriptions when it becomes due, as there.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.errors import TransientError
from shared.messaging.broker import Receiver
from shared.messaging.embedded.encoding import encode, read_token, received, stored
from shared.messaging.embedded.namespace import Namespace, Source
from shared.messaging.embedded.receiver import EmbeddedReceiver
from shared.messaging.embedded.storage import Demand, Held, MessageStorage, Parcel, peek
from shared.messaging.embedded.timer import DueTimer
from shared.messaging.embedded.waiting import WaitingLine
from shared.messaging.entities import QueueDescription, TopicDescription
from shared.messaging.message import Message, ReceivedMessage, StoredMessage
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)


class EmbeddedBroker:
    """Broker and TransactionalSender; one for a file."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        queues: Sequence[QueueDescription],
        topics: Sequence[TopicDescription] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._namespace = Namespace(queues, topics)
        self._storage = MessageStorage(
            self._namespace, arrived=self._arrived, waits_until=self._wait_until
        )
        self._timer = DueTimer(clock, self._run_due)
        self._lines: dict[str, WaitingLine] = {}
        self._has_looked = False
        self._undeliveries: set[asyncio.Task[None]] = set()

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        await self.schedule(entity, messages)

    async def schedule(self, entity: str, messages: Sequence[Message]) -> list[int]:
        parcel = self._parcel(entity, messages)
        return await self._database.run_grouped(self._storage.insert, parcel)

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        self._storage.insert(transaction, [self._parcel(entity, messages)])

    async def cancel_scheduled(self, entity: str, sequence_numbers: Sequence[int]) -> None:
        path = self._namespace.target(entity).path
        await self._database.run(lambda tx: self._storage.cancel(tx, path, sequence_numbers))

    async def peek(
        self, entity: str, *, from_sequence_number: int = 0, max_messages: int = 1
    ) -> list[StoredMessage]:
        path = self._namespace.stored_path(entity)
        rows = await self._database.read(
            lambda connection: peek(
                connection, path, from_sequence_number=from_sequence_number, at_most=max_messages
            )
        )
        return [stored(row) for row in rows]

    def receiver(self, entity: str) -> Receiver:
        source = self._namespace.source(entity)
        return EmbeddedReceiver(
            source,
            line=self._line(source),
            storage=self._storage,
            database=self._database,
            clock=self._clock,
        )

    async def close(self) -> None:
        await self._timer.close()
        for line in self._lines.values():
            await line.close()
        await asyncio.gather(*self._undeliveries)

    def free_locks(self, transaction: Transaction) -> int:
        """End the locks that a dead process left; only the sole owner of the file may, before anything is received."""
        return self._storage.free_locks(transaction)

    def _parcel(self, entity: str, messages: Sequence[Message]) -> Parcel:
        return Parcel(
            self._namespace.target(entity),
            [(encode(message), due(message)) for message in messages],
            to_microseconds(self._clock.now()),
        )

    def _line(self, source: Source) -> WaitingLine:
        line = self._lines.get(source.path)
        if line is None:
            line = WaitingLine(partial(self._take, source), partial(self._undeliver, source))
            self._lines[source.path] = line
        return line

    async def _take(self, source: Source, wanted: int) -> list[ReceivedMessage]:
        now = self._clock.now()
        if not self._has_looked:
            # At what an earlier process left; from then on the timer knows the next instant.
            self._has_looked = True
            self._timer.arm(now)
        until = to_microseconds(now) + source.lock_microseconds
        demand = Demand(source, wanted, until)
        rows = await self._database.run_grouped(self._storage.lock, demand)
        locked_until = from_microseconds(until)
        return [received(row, locked_until) for row in rows]

    def _undeliver(self, source: Source, messages: Sequence[ReceivedMessage]) -> None:
        task = asyncio.create_task(self._take_back(source, messages))
        self._undeliveries.add(task)
        task.add_done_callback(self._undeliveries.discard)

    async def _take_back(self, source: Source, messages: Sequence[ReceivedMessage]) -> None:
        now = to_microseconds(self._clock.now())
        for message in messages:
            held = Held((source.path, *read_token(message.lock_token)), now)
            try:
                await self._database.run_grouped(self._storage.undeliver, held)
            except TransientError:  # then the lock ends by itself
                logger.warning("messages stay locked", extra={"action": "undeliver"})

    async def _run_due(self) -> datetime | None:
        now = to_microseconds(self._clock.now())
        following = await self._database.run(lambda tx: self._storage.run_due(tx, now))
        return None if following is None else from_microseconds(following)

    def _arrived(self, paths: Iterable[str]) -> None:
        for path in paths:
            line = self._lines.get(path)
            if line is not None:
                line.arrived()

    def _wait_until(self, instant: int) -> None:
        self._timer.arm(from_microseconds(instant))


def due(message: Message) -> int | None:
    """Return the instant from which the message is visible; None for at once."""
    instant = message.scheduled_enqueue_time
    return None if instant is None else to_microseconds(instant)
