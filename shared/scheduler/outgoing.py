"""What the scheduler side has to tell the connector: rows, written with what they tell, then handed to `history`.

* `insert` writes events in the transaction of what they tell, so that neither exists without the other.
* `send` runs after such commits and in each sweep. It puts rows on the queue and deletes them, by their keys and never
  by a range, since another process may commit a lower key later. Where the queue is in the same file that is one
  commit. Elsewhere the deletion follows, and after a crash between the two they are sent again, in whatever messages
  they then fit; the connector knows each event by its id.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy import Connection

from shared.events.batch import CONTENT_TYPE, join_events
from shared.events.cloudevent import CloudEvent
from shared.messaging.broker import Sender, TransactionalSender
from shared.messaging.entities import HISTORY
from shared.messaging.message import Message
from shared.messaging.steps import AT_ONCE
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

LONGEST_BODY = 192 * 1024
"""A queue takes 256 KB with all properties."""
LONGEST_ROW = LONGEST_BODY - len(join_events([]))


@dataclass(frozen=True, slots=True)
class OutgoingRow:
    """Encoded events, joined as they stand in a batch."""

    position: int
    body: bytes = field(repr=False)


class OutgoingStore(Protocol):
    """Rows in the order of their insertion."""

    def insert(self, transaction: Transaction, body: bytes) -> None:
        """Add a row behind all others; its position is never given again."""

    def oldest(self, connection: Connection, *, limit: int) -> Sequence[OutgoingRow]:
        """Return up to `limit` rows, the first ones, in order."""

    def delete(self, transaction: Transaction, positions: Sequence[int]) -> None:
        """Remove these rows; one that is gone already is none."""


class HistorySender(Sender, TransactionalSender, Protocol):
    """What the queue is reached by."""


class Outgoing:
    """The one way from the scheduler side to the queue `history`."""

    def __init__(
        self, database: Database, store: OutgoingStore, broker: HistorySender | None
    ) -> None:
        """Without a `broker` there is nobody to tell: nothing is written down or sent."""
        self._database = database
        self._store = store
        self._broker = broker
        self._present: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None

    def insert(self, transaction: Transaction, events: Sequence[CloudEvent]) -> None:
        """Write down events that are to be told in this order; whoever commits it awaits `send` afterwards."""
        if self._broker is None:
            return
        for body in packed(encoded(event) for event in events):
            self._store.insert(transaction, body)

    async def send(self) -> int:
        """Hand over what was committed before this call; returns in how many messages.

        Callers at the same time share a run, also its failure; what a failed one did not hand over stays.

        Raises:
            TransientError: the queue or the database cannot be reached.
        """
        if self._broker is None:
            return 0
        # A run that has begun may have read already, so the next one counts.
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._run(self._broker, self._present))
        return await asyncio.shield(self._next)

    async def _run(self, broker: HistorySender, before: "asyncio.Task[int] | None") -> int:
        if before is not None:
            await asyncio.wait((before,))
        self._present, self._next = self._next, None
        step = self._move if broker.sends_with_commit else self._send_and_delete
        total = 0
        while True:
            rows, messages = await step(broker)
            total += messages
            if rows < AT_ONCE:
                return total

    async def _move(self, broker: HistorySender) -> tuple[int, int]:
        """Bring rows to the queue in one commit; returns how many, and in how many messages."""

        def move(transaction: Transaction) -> tuple[int, int]:
            rows = self._oldest(transaction.connection)
            if not rows:
                return 0, 0
            messages = messages_of(rows)
            broker.send_in(transaction, HISTORY, messages)
            self._delete(transaction, rows)
            return len(rows), len(messages)

        return await self._database.run(move)

    async def _send_and_delete(self, broker: HistorySender) -> tuple[int, int]:
        """Do what `_move` does where the queue is somewhere else."""
        rows = await self._database.read(self._oldest)
        if not rows:
            return 0, 0
        messages = messages_of(rows)
        await broker.send(HISTORY, messages)
        await self._database.run(lambda transaction: self._delete(transaction, rows))
        return len(rows), len(messages)

    def _oldest(self, connection: Connection) -> Sequence[OutgoingRow]:
        return self._store.oldest(connection, limit=AT_ONCE)

    def _delete(self, transaction: Transaction, rows: Sequence[OutgoingRow]) -> None:
        self._store.delete(transaction, [row.position for row in rows])


def packed(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Join bodies in their order, as few as can be, each within what a message holds."""
    line: list[bytes] = []
    size = 0
    for body in bodies:
        if line and size + len(body) > LONGEST_ROW:
            yield b",".join(line)
            line, size = [], 0
        line.append(body)
        size += len(body) + 1
    if line:
        yield b",".join(line)


def encoded(event: CloudEvent) -> bytes:
    """Return the event as it travels; one that no message can hold goes without its data, so that others follow it."""
    body = event.encode()
    if len(body) <= LONGEST_ROW:
        return body
    logger.error(
        "event %s has %s bytes and is told without its data",
        event.id,
        len(body),
        extra={"action": "drop_data", "event_id": event.id},
    )
    return replace(event, data=None, dataschema=None).encode()


def messages_of(rows: Sequence[OutgoingRow]) -> Sequence[Message]:
    return [message_of(body) for body in packed(row.body for row in rows)]


def message_of(joined: bytes) -> Message:
    """Return the message for joined events.

    Its id is that of its content: after a crash the same first event may be sent with others behind it, which a queue
    that detects duplicates must not drop.
    """
    body = join_events([joined])
    return Message(
        body=body,
        message_id=hashlib.blake2b(body, digest_size=16).hexdigest(),
        content_type=CONTENT_TYPE,
    )
