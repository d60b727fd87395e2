"""The event log: every event once, in one order.

* `insert` writes an event in the transaction of what it tells; it has no number yet and nobody can read it.
* `publish` runs after such commits. Holding the counter's row it gives numbers in the order of insertion, inserts a
  delivery for every event subscription that matches, and wakes those that are not awake. So a reader that has seen
  number n never meets a smaller one later.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.events import statements
from shared.events.cloudevent import CloudEvent
from shared.events.filters import EVERYTHING
from shared.events.matching import Matches, wake_time
from shared.events.tables import delivery_work
from shared.messaging.broker import TransactionalSender
from shared.messaging.steps import AT_ONCE, in_steps
from shared.messaging.work import Due
from shared.sql.database import Database, Transaction

BATCH = 1000
MOST_DELIVERIES = 2000
"""In one transaction, and those of its last event: what is left waits for the next."""
LOOKED_AT = 10_000
"""Numbers in one read that is only for some types."""
KEPT = timedelta(days=30)
SEQUENCE_DIGITS = 19  # of the largest number; the extension has to sort as text


Parameters = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """A published event: its number, and its structured JSON with the extension `sequence`."""

    number: int
    structured: bytes

    @property
    def event(self) -> CloudEvent:
        """The event itself."""
        return CloudEvent.decode(self.structured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events of the log; what follows is behind the number `next`, nothing by now when this `is_last`."""

    events: Sequence[NumberedEvent]
    next: int
    is_last: bool


class EventLog:
    """The log of one database; `sender` wakes the deliveries in the transaction that publishes."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sender: TransactionalSender,
        *,
        kept: timedelta = KEPT,
    ) -> None:
        self._database = database
        self._clock = clock
        self._kept = kept
        self._work = delivery_work(sender)
        self._publication: asyncio.Future[None] | None = None

    def insert(
        self, transaction: Transaction, event: CloudEvent, *, addressee: str | None = None
    ) -> bool:
        """Write `event` without a number; False, and nothing written, when its id is known.

        Whoever commits it awaits `publish` afterwards. With an `addressee` it goes to that event subscription and to no
        other, whatever their filters say.
        """
        return self.insert_encoded(transaction, event, event.encode(), addressee=addressee)

    def insert_encoded(
        self,
        transaction: Transaction,
        event: CloudEvent,
        structured: bytes,
        *,
        addressee: str | None = None,
    ) -> bool:
        """Like `insert`, where the event is at hand as one object of JSON too."""
        inserted = statements.INSERT_EVENT.change(
            transaction.connection,
            id=event.id,
            type=event.type,
            subject=event.subject,
            structured=structured,
            addressee=addressee,
        )
        return inserted == 1

    async def publish(self) -> int:
        """Number and hand out what was committed before this call; returns how many events.

        Callers at the same time share one transaction and all get its count. Safe to repeat.
        """
        total = 0
        while True:
            count, is_all = await self._database.run_grouped(self._publish_for_all, None)
            total += count
            if is_all:
                return total

    def publish_in(self, transaction: Transaction) -> bool:
        """Publish in the transaction that inserted, where it is the only writer; whether nothing is left to `publish`.

        Where there are several, whoever publishes holds up all others until the commit.
        """
        if transaction.connection.dialect.name != "sqlite":
            return False
        _, is_all = self._publish(transaction)
        return is_all

    async def read(self, *, since: int, limit: int) -> Sequence[NumberedEvent]:
        """Return up to `limit` events with numbers above `since`, in order."""
        return (await self.page(since=since, limit=limit)).events

    async def page(self, *, since: int, limit: int, of_type: str = EVERYTHING) -> Page:
        """Return up to `limit` events with numbers above `since`, in order, of types that a filter lets through.

        With such a filter it looks at a part of the log only: the page says where to go on.
        """

        def query(connection: Connection) -> Page:
            (ends,) = statements.ENDS.rows(connection)
            begin = max(since, (ends.first_number or ends.last_number + 1) - 1)
            through = ends.last_number if of_type == EVERYTHING else begin + LOOKED_AT
            rows = select_events(connection, of_type, since=begin, through=through, at_most=limit)
            is_cut = len(rows) == limit
            reached = rows[-1].number if is_cut else min(through, ends.last_number)
            return Page(
                events=[number_event(row.number, row.structured) for row in rows],
                next=max(since, reached),
                is_last=reached >= ends.last_number,
            )

        return await self._database.read(query)

    def next_publication(self) -> "asyncio.Future[None]":
        """Return what is done when this process publishes for the next time."""
        if self._publication is None or self._publication.done():
            self._publication = asyncio.get_running_loop().create_future()
        return self._publication

    def _announce(self) -> None:
        if self._publication is not None and not self._publication.done():
            self._publication.set_result(None)

    async def prune(self, now: datetime) -> int:
        """Drop published events that were kept long enough, with their deliveries; returns how many events."""
        before = to_microseconds(now - self._kept)

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

    def _publish_for_all(
        self, transaction: Transaction, callers: Sequence[None]
    ) -> Sequence[tuple[int, bool]]:
        return [self._publish(transaction)] * len(callers)

    def _publish(self, transaction: Transaction) -> tuple[int, bool]:
        """Publish some events; returns how many, and whether these were all."""
        connection = transaction.connection
        (counter,) = statements.LOCK_COUNTER.rows(connection)
        rows = statements.UNNUMBERED.rows(connection, at_most=BATCH)
        if not rows:
            return 0, True
        now = self._clock.now()
        present = to_microseconds(now)
        matches = Matches(connection, present)
        numbers: list[Parameters] = []
        deliveries: list[Parameters] = []
        for number, row in enumerate(rows, counter[0] + 1):
            if len(deliveries) >= MOST_DELIVERIES:
                break
            numbers.append({"at": row.position, "given": number, "present": present})
            deliveries += [
                {"event_subscription_id": name, "number": number, "due_at": present}
                for name in matches.of(row)
            ]
        statements.SET_COUNTER.change(connection, last=counter[0] + len(numbers))
        statements.NUMBER.execute_many(connection, numbers)
        statements.INSERT_DELIVERY.execute_many(connection, deliveries)
        self._wake(transaction, matches, now)
        transaction.on_commit(self._announce)
        return len(numbers), len(numbers) == len(rows) < BATCH

    def _wake(self, transaction: Transaction, matches: Matches, now: datetime) -> None:
        present = to_microseconds(now)
        due = [
            Due(row.id, row.attempt, due_at, due_at)
            for row in matches.asleep()
            for due_at in (from_microseconds(wake_time(row, present)),)
        ]
        self._work.schedule_many(transaction, due, now=now)


def select_events(connection: Connection, of_type: str, **parameters: int) -> list[Any]:
    """Return rows whose type the filter lets through."""
    if of_type == EVERYTHING:
        return statements.READ_EVENTS.rows(connection, **parameters)
    if of_type.endswith(f".{EVERYTHING}"):
        prefix = of_type.removesuffix(EVERYTHING)
        return statements.READ_BELOW_TYPE.rows(
            connection, text=prefix, length=len(prefix), **parameters
        )
    return statements.READ_OF_TYPE.rows(connection, text=of_type, **parameters)


def number_event(number: int, structured: bytes) -> NumberedEvent:
    """Put the extension `sequence` in front of an encoded event."""
    return NumberedEvent(
        number, b'{"sequence":"%b",' % sequence_of(number).encode() + structured[1:]
    )


def sequence_of(number: int) -> str:
    """Return a number as text that sorts as numbers do."""
    return f"{number:0{SEQUENCE_DIGITS}}"
