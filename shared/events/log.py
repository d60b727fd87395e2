"""The event log: every event once, in one order.

* `insert` writes an event in the transaction of what it tells; it has no number yet and nobody can read it.
* `publish` runs after such commits. Holding the counter's row it gives numbers in the order of insertion, inserts a
  delivery for every event subscription that matches, and wakes those that are not awake. So a reader that has seen
  number n never meets a smaller one later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.events import statements
from shared.events.cloudevent import CloudEvent
from shared.events.filters import filter_keys
from shared.events.tables import delivery_work
from shared.messaging.broker import TransactionalSender
from shared.messaging.steps import AT_ONCE, in_steps
from shared.sql.database import Database, Transaction

BATCH = 1000
RETENTION = timedelta(days=30)
SEQUENCE_DIGITS = 19  # of the largest number; the extension has to sort as text


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """A published event: its number, and its structured JSON with the extension `sequence`."""

    number: int
    structured: bytes

    @property
    def event(self) -> CloudEvent:
        """The event itself."""
        return CloudEvent.decode(self.structured)


class EventLog:
    """The log of one database; `sender` wakes the deliveries in the transaction that publishes."""

    def __init__(self, database: Database, clock: Clock, sender: TransactionalSender) -> None:
        self._database = database
        self._clock = clock
        self._work = delivery_work(sender)

    def insert(self, transaction: Transaction, event: CloudEvent) -> bool:
        """Write `event` without a number; False, and nothing written, when its id is known.

        Whoever commits it awaits `publish` afterwards.
        """
        return self.insert_encoded(transaction, event, event.encode())

    def insert_encoded(
        self, transaction: Transaction, event: CloudEvent, structured: bytes
    ) -> bool:
        """Like `insert`, where the event is at hand as one object of JSON too."""
        inserted = statements.INSERT_EVENT.change(
            transaction.connection,
            id=event.id,
            type=event.type,
            subject=event.subject,
            structured=structured,
        )
        return inserted == 1

    async def publish(self) -> int:
        """Number and hand out what was committed before this call; returns how many events.

        Callers at the same time share one transaction and all get its count. Safe to repeat.
        """
        total = 0
        while count := await self._database.run_grouped(self._publish_for_all, None):
            total += count
            if count < BATCH:
                break
        return total

    async def read(self, *, since: int, limit: int) -> list[NumberedEvent]:
        """Return up to `limit` events with numbers above `since`, in order."""

        def query(connection: Connection) -> list[NumberedEvent]:
            rows = statements.READ_EVENTS.rows(connection, since=since, at_most=limit)
            return [number_event(row.number, row.structured) for row in rows]

        return await self._database.read(query)

    async def prune(self, now: datetime) -> int:
        """Drop published events older than 30 days with their deliveries; returns how many events."""
        before = to_microseconds(now - RETENTION)

        def drop_deliveries(transaction: Transaction) -> int:
            return statements.PRUNE_DELIVERIES.change(
                transaction.connection, before=before, at_most=AT_ONCE
            )

        def drop(transaction: Transaction) -> int:
            return statements.PRUNE.change(transaction.connection, before=before, at_most=AT_ONCE)

        total = 0
        while True:
            # Before their events, with which they would go all at once: one event may have gone to many.
            await in_steps(self._database, drop_deliveries)
            count = await self._database.run(drop)
            total += count
            if count < AT_ONCE:
                return total

    def _publish_for_all(self, transaction: Transaction, callers: Sequence[None]) -> Sequence[int]:
        return [self._publish(transaction)] * len(callers)

    def _publish(self, transaction: Transaction) -> int:
        connection = transaction.connection
        (counter,) = statements.LOCK_COUNTER.rows(connection)
        last = counter[0]
        rows = statements.UNNUMBERED.rows(connection, at_most=BATCH)
        if not rows:
            return 0
        now = self._clock.now()
        present = to_microseconds(now)
        statements.SET_COUNTER.change(connection, last=last + len(rows))
        statements.NUMBER.execute_many(
            connection,
            [
                {"at": row.position, "given": last + index, "present": present}
                for index, row in enumerate(rows, 1)
            ],
        )
        matches = Matches(connection, present)
        statements.INSERT_DELIVERY.execute_many(
            connection,
            [
                {"event_subscription_id": name, "number": last + index, "due_at": present}
                for index, row in enumerate(rows, 1)
                for name in matches.of(row)
            ],
        )
        for name, row in matches.asleep.items():
            due_at = from_microseconds(wake_time(row, present))
            self._work.schedule(transaction, name, attempt=row.attempt, due_at=due_at, now=now)
        return len(rows)


class Matches:
    """Finds event subscriptions by the type of an event, each type looked up once a transaction."""

    def __init__(self, connection: Connection, present: int) -> None:
        self._connection = connection
        self._present = present
        self._by_type: dict[str, dict[str, Any]] = {}
        self.asleep: dict[str, Any] = {}

    def of(self, event: Any) -> list[str]:
        """Return the ids of the event subscriptions that get the event, and note which have to be woken."""
        candidates = self._by_type.get(event.type)
        if candidates is None:
            candidates = self._by_type[event.type] = self._candidates(event.type)
        subject = (event.subject or "").lower()
        matching = [
            row for row in candidates.values() if subject.startswith(row.subject_prefix.lower())
        ]
        for row in matching:
            if is_asleep(row, self._present):
                self.asleep[row.id] = row
        return [row.id for row in matching]

    def _candidates(self, event_type: str) -> dict[str, Any]:
        return {
            row.id: row
            for key in filter_keys(event_type)
            for row in statements.SUBSCRIBED.rows(self._connection, key=key)
        }


def is_asleep(row: Any, present: int) -> bool:
    """Not to be woken by now: while it is leased `due_at` is past, and the closing transaction looks for what came."""
    return row.due_at is None or row.due_at > wake_time(row, present)


def wake_time(row: Any, present: int) -> int:
    """Now, or when the sink has asked us to come back."""
    return max(present, row.held_until or 0)


def number_event(number: int, structured: bytes) -> NumberedEvent:
    """Put the extension `sequence` in front of an encoded event."""
    return NumberedEvent(
        number, b'{"sequence":"%0*d",' % (SEQUENCE_DIGITS, number) + structured[1:]
    )
