"""The transactions of deliveries: start a stretch, record what came of it, end it.

A stretch is the time for which a handler holds the lease of one event subscription. Every write of it is conditional
on that lease, so of two holders only the later one writes. When the event subscription was changed meanwhile, what the
former sink answered says what became of deliveries, and nothing about the present one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from shared.clock import (
    from_optional_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.errors import LeaseLostError
from shared.events import event_subscription_statements, statements
from shared.events.cloudevent import CloudEvent
from shared.events.event_subscription import EventSubscription, from_row
from shared.events.log import EventLog, number_event
from shared.events.replaying import replay_some
from shared.events.status import DeliveryStatus, EventSubscriptionStatus
from shared.events.tables import delivery_work
from shared.messaging.broker import TransactionalSender
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

CHUNK = 256
BEGINNING = (0, 0)


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """An event that one event subscription has not got yet."""

    number: int
    due_at: int
    failures: int
    event_id: str
    event_type: str
    structured: bytes = field(repr=False)

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the order of delivery."""
        return (self.due_at, self.number)


@dataclass(frozen=True, slots=True)
class Health:
    """What an event subscription remembers of its sink: failing since when, to be left alone until when, and when its
    bucket of tokens is full."""

    failing_since: datetime | None
    held_until: datetime | None
    rate_full_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A lease with what it is for."""

    lease: Lease
    event_subscription: EventSubscription
    health: Health
    first: list[PendingDelivery] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of one delivery; without a reason it is delivered, without a next time it is given up."""

    delivery: PendingDelivery
    at: datetime
    failures: int = 0
    reason: str | None = None
    next_due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Disabling:
    """Why an event subscription is to be sent nothing more, and the event that says so."""

    reason: str
    event: CloudEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a stretch has to record at one time: outcomes, events about them, and how the sink is."""

    ended: Sequence[Ended]
    events: Sequence[CloudEvent]
    health: Health
    disabling: Disabling | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The row of an event subscription after a report; `is_same` as when the stretch began, but for what that wrote."""

    row: Any
    is_same: bool
    is_enabled: bool
    health: Health


class DeliveryStore:
    """Runs the transactions in one database."""

    def __init__(self, database: Database, log: EventLog, sender: TransactionalSender) -> None:
        self._database = database
        self._log = log
        self._work = delivery_work(sender)

    async def publish(self) -> None:
        """Publish the events that reports told."""
        await self._log.publish()

    async def sweep(self, *, now: datetime) -> int:
        """Publish what was committed and not published, and wake what is overdue; returns how many were woken."""
        await self._log.publish()
        return await self._work.sweep_all(self._database, now=now)

    def free_leases(self, transaction: Transaction, *, now: datetime) -> int:
        """End the leases of a dead process; only the sole owner of the database may, at its start."""
        return self._work.free_leases(transaction, now=now)

    async def start(self, wake_up: WakeUp, *, now: datetime) -> Stretch | NotYet | Nothing:
        """Take the lease, and with it the first deliveries that are due."""

        def begin(transaction: Transaction) -> Stretch | NotYet | Nothing:
            lease = self._work.start(transaction, wake_up, now=now)
            if not isinstance(lease, Lease):
                return lease
            connection = transaction.connection
            (row,) = event_subscription_statements.GET.rows(connection, name=lease.id)
            if row.status != EventSubscriptionStatus.ENABLED:
                self._work.record(transaction, lease, due_at=None, now=now)
                return Nothing()
            first = load(connection, lease.id, after=BEGINNING, now=now)
            return Stretch(lease, from_row(row), health_of(row), first)

        return await self._database.run(begin)

    async def pending(
        self, lease: Lease, *, after: tuple[int, int], now: datetime
    ) -> list[PendingDelivery]:
        """Return deliveries that are due, in order, from behind `after`."""
        return await self._database.read(
            lambda connection: load(connection, lease.id, after=after, now=now)
        )

    async def record(self, stretch: Stretch, report: Report) -> bool:
        """Write a report; returns whether the event subscription is still to be sent to as when the stretch began.

        Raises LeaseLostError, and then writes nothing.
        """

        def write(transaction: Transaction) -> bool:
            return self._write(transaction, stretch, report).is_same

        return await self._database.run(write)

    async def close(self, stretch: Stretch, report: Report, *, now: datetime, go_on: bool) -> bool:
        """Write the last report, end the lease and have the row woken for what is left; false, and the lease kept,
        when something is due already and the holder would `go_on`.

        Raises LeaseLostError.
        """
        lease = stretch.lease

        def end(transaction: Transaction) -> bool:
            present = self._write(transaction, stretch, report)
            due_at = None
            if present.is_enabled:
                due_at = self._next(transaction, stretch, present, now)
                if due_at is None and present.health.failing_since is not None:
                    # A row of failures lasts while something waits: quiet days are no days of failures.
                    event_subscription_statements.END_FAILURE.change(
                        transaction.connection, name=lease.id
                    )
            if go_on and present.is_same and due_at is not None and due_at <= now:
                return False
            self._work.record(transaction, lease, due_at=due_at and max(due_at, now), now=now)
            return True

        return await self._database.run(end)

    def _next(
        self, transaction: Transaction, stretch: Stretch, present: Written, now: datetime
    ) -> datetime | None:
        """Return when something is to be sent next; when nothing waits, more of a replay is made due."""
        connection, name = transaction.connection, stretch.lease.id
        row, health = present.row, present.health
        due_at = earliest(connection, name)
        is_idle = due_at is None or (due_at > now and health.failing_since is None)
        if row.replay_next is not None and is_idle:
            # By what the filter was when the stretch began; another version of it is for the next stretch.
            is_over = present.is_same and replay_some(
                connection,
                name,
                stretch.event_subscription.filter,
                numbers=(row.replay_next, row.replay_last),
                now=now,
            )
            due_at = earliest(connection, name) if is_over else now
        if due_at is None or health.held_until is None:
            return due_at
        return max(due_at, health.held_until)

    def _write(self, transaction: Transaction, stretch: Stretch, report: Report) -> Written:
        connection, lease = transaction.connection, stretch.lease
        rows = event_subscription_statements.FENCE.rows(connection, name=lease.id)
        if not rows or rows[0].attempt != lease.attempt:
            raise LeaseLostError(f"attempt {lease.attempt} of {lease.id} is not the present one")
        row = rows[0]
        statements.RECORD_DELIVERED.execute_many(
            connection, [done(lease, one) for one in report.ended if one.reason is None]
        )
        statements.RECORD_FAILURE.execute_many(
            connection, [failed(lease, one) for one in report.ended if one.reason is not None]
        )
        for told in report.events:
            self._log.insert(transaction, told)
        is_same = bool(row.version == stretch.event_subscription.version)
        health = report.health if is_same else health_beside(row, report.health)
        if health != health_of(row):
            event_subscription_statements.RECORD_HEALTH.change(
                connection,
                name=lease.id,
                failing=to_optional_microseconds(health.failing_since),
                held=to_optional_microseconds(health.held_until),
                full_at=to_optional_microseconds(health.rate_full_at),
            )
        is_enabled = row.status == EventSubscriptionStatus.ENABLED
        if report.disabling and is_same:
            self._disable(transaction, lease, report.disabling)
            is_enabled = False
        return Written(row, is_same, is_enabled, health)

    def _disable(self, transaction: Transaction, lease: Lease, disabling: Disabling) -> None:
        event_subscription_statements.DISABLE.change(
            transaction.connection, name=lease.id, reason=disabling.reason
        )
        self._log.insert(transaction, disabling.event)
        transaction.on_commit(
            lambda: logger.warning(
                "event subscription disabled: %s",
                disabling.reason,
                extra={"action": "disable", "event_subscription_id": lease.id},
            )
        )


def health_of(row: Row[Any]) -> Health:
    """Return what the row remembers of its sink."""
    return Health(
        from_optional_microseconds(row.failing_since),
        from_optional_microseconds(row.held_until),
        from_optional_microseconds(row.rate_full_at),
    )


def health_beside(row: Row[Any], found: Health) -> Health:
    """Return what is known of a sink that took the place of another: only the rate counts on."""
    return replace(health_of(row), rate_full_at=found.rate_full_at)


def earliest(connection: Connection, name: str) -> datetime | None:
    """Return when the first pending delivery is due."""
    rows = statements.EARLIEST.rows(connection, name=name)
    return from_optional_microseconds(rows[0].due_at) if rows else None


def load(
    connection: Connection, name: str, *, after: tuple[int, int], now: datetime
) -> list[PendingDelivery]:
    rows = statements.PENDING.rows(
        connection,
        name=name,
        present=to_microseconds(now),
        after_due_at=after[0],
        after_number=after[1],
        at_most=CHUNK,
    )
    return [to_pending(row) for row in rows]


def to_pending(row: Row[Any]) -> PendingDelivery:
    structured = number_event(row.number, row.structured).structured
    return PendingDelivery(row.number, row.due_at, row.failures, row.id, row.type, structured)


def done(lease: Lease, one: Ended) -> dict[str, Any]:
    return {
        "name": lease.id,
        "of_number": one.delivery.number,
        "present": to_microseconds(one.at),
    }


def failed(lease: Lease, one: Ended) -> dict[str, Any]:
    given_up = one.next_due_at is None
    return {
        "name": lease.id,
        "of_number": one.delivery.number,
        "to_status": (DeliveryStatus.DEADLETTERED if given_up else DeliveryStatus.PENDING).value,
        "count": one.failures,
        "next_due_at": to_optional_microseconds(one.next_due_at),
        "ended": to_microseconds(one.at) if given_up else None,
        "error": one.reason,
    }
