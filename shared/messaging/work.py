"""The one mechanism: the row is the work, a message only wakes it.

A table of work has the columns of `work_columns()`. All writes to them are here, or made of what work_table.py has:

* `due_at` says when the row is to be worked on next; NULL when it is parked or has ended.
* `start` takes the lease (`lease_until`), raises `attempt`, the fence that every later write of the holder is
  conditional on, and counts one more lease in `unrecorded`. Of a wake-up that comes early it says when to come back.
* `record` ends the lease, resets `unrecorded` and sets the next `due_at`, or none.
* `withdraw` ends a row that nobody holds and raises `attempt`, so that no wake-up fits it and no holder can record it.
* `sweep_at` says when sweep has to look at the row again: after a wake-up that did not arrive, after a lease that ran
  out, or ten minutes before a far-off `due_at`. It is indexed, so that sweep costs what is overdue, not what is stored.

Whoever changes `due_at` wakes in the same transaction. A wake-up is harmless at any time: the row decides.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import Table

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.errors import LeaseLostError
from shared.messaging.broker import TransactionalSender
from shared.messaging.message import Message
from shared.messaging.steps import AT_ONCE, in_steps
from shared.messaging.wake_up import WakeUp
from shared.messaging.work_table import Statements, Writes
from shared.sql.database import Database, Transaction

HORIZON = timedelta(minutes=10)
SWEEP_AFTER = timedelta(seconds=60)
DOUBLINGS = 10
MAX_EARLY = timedelta(seconds=60)
"""As long as this an early wake-up is waited with; it is sent again when it is earlier."""

Started = TypeVar("Started")


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a row until it is recorded or time is up; `unrecorded` counts this one.

    `row` has the columns that `Writes.returned` names, as the start has left them.
    """

    id: str
    attempt: int
    unrecorded: int
    row: Any = field(default=None, compare=False, repr=False)


NO_VALUES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NotYet:
    """The wake-up came a little before the row is due (the clocks differ): start again then."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class Nothing:
    """Ended, parked, leased, woken for an older attempt or much too early: the wake-up is completed."""


@dataclass(frozen=True, slots=True)
class Due:
    """A row that will be worked on; `wake_at` is later than `due_at` while a lease is out, `wakes` counts sweep's."""

    id: str
    attempt: int
    due_at: datetime
    wake_at: datetime
    wakes: int = 0


class WorkRows:
    """The mechanism for one table and the queue that wakes its rows."""

    def __init__(
        self,
        table: Table,
        *,
        key: str,
        queue: str,
        lease: timedelta,
        sender: TransactionalSender,
        writes: Writes | None = None,
    ) -> None:
        """`writes` names columns of the table's own that starting and recording set too."""
        self._queue = queue
        self._lease = lease
        self._sender = sender
        self._statements = Statements(table, key, writes or Writes())

    def first(
        self, transaction: Transaction, row_id: str, *, due_at: datetime, now: datetime
    ) -> dict[str, int]:
        """Return the columns of a row that the caller inserts in this transaction, and wake it when it is due."""
        return self.first_of_many(transaction, {row_id: due_at}, now=now)[row_id]

    def first_of_many(
        self, transaction: Transaction, rows: Mapping[str, datetime], *, now: datetime
    ) -> dict[str, dict[str, int]]:
        """Return what `first` does for many rows, by the id of each; `rows` says when each is due."""
        due = [Due(row_id, 0, due_at, due_at) for row_id, due_at in rows.items()]
        self._wake(transaction, due, now=now)
        return {
            row.id: {
                "due_at": to_microseconds(row.due_at),
                "sweep_at": to_microseconds(next_sweep(row, now=now)),
            }
            for row in due
        }

    def schedule(
        self,
        transaction: Transaction,
        row_id: str,
        *,
        attempt: int,
        due_at: datetime,
        now: datetime,
    ) -> None:
        """Make the row due at `due_at` and wake it then, if its present attempt is still `attempt`."""
        self._set_due(transaction, Due(row_id, attempt, due_at, due_at), now=now)

    def schedule_many(
        self, transaction: Transaction, rows: Sequence[Due], *, now: datetime
    ) -> None:
        """Do what `schedule` does for many rows, whose present attempts the caller has read and locked."""
        self._statements.due.execute_many(
            transaction.connection, [due_parameters(row, now=now) for row in rows]
        )
        self._wake(transaction, rows, now=now)

    def start(
        self,
        transaction: Transaction,
        wake_up: WakeUp,
        *,
        now: datetime,
        values: Mapping[str, Any] = NO_VALUES,
    ) -> Lease | NotYet | Nothing:
        """Take the lease if the row is due, free and at the attempt that the wake-up is for.

        A wake-up that comes more than a minute early is sent again for when the row is due, and is Nothing. `values`
        are those of `writes.at_start`.
        """
        started = self._statements.start.rows(
            transaction.connection,
            row_id=wake_up.id,
            at_attempt=wake_up.attempt,
            present=to_microseconds(now),
            until=to_microseconds(now + self._lease),
            **values,
        )
        if started:
            (row,) = started
            return Lease(wake_up.id, wake_up.attempt + 1, row.unrecorded, row)
        (row,) = self._statements.state.rows(transaction.connection, row_id=wake_up.id) or (None,)
        if row is None or row.due_at is None or row.attempt != wake_up.attempt:
            return Nothing()
        if row.lease_until is not None and row.lease_until > to_microseconds(now):
            return Nothing()
        due_at = from_microseconds(row.due_at)
        if due_at - now > MAX_EARLY:
            self.schedule(transaction, wake_up.id, attempt=wake_up.attempt, due_at=due_at, now=now)
            return Nothing()
        return NotYet(due_at)

    def take(
        self, transaction: Transaction, row_id: str, *, now: datetime
    ) -> Lease | NotYet | Nothing:
        """Do what `start` does with the wake-up that fits the row at present: for whoever needs none to go on."""
        rows = self._statements.state.rows(transaction.connection, row_id=row_id)
        if not rows:
            return Nothing()
        return self.start(transaction, WakeUp(row_id, rows[0].attempt), now=now)

    def record(
        self,
        transaction: Transaction,
        lease: Lease,
        *,
        due_at: datetime | None,
        now: datetime,
        values: Mapping[str, Any] = NO_VALUES,
    ) -> None:
        """End the lease; the row is due again at `due_at`, or never. `values` are those of `writes.at_record`.

        Raises:
            LeaseLostError: the row was started again meanwhile; the caller's transaction must not commit.
        """
        row = None if due_at is None else Due(lease.id, lease.attempt, due_at, due_at)
        recorded = self._statements.record.change(
            transaction.connection,
            row_id=lease.id,
            at_attempt=lease.attempt,
            due=row and to_microseconds(row.due_at),
            sweep=row and to_microseconds(next_sweep(row, now=now)),
            **values,
        )
        if recorded != 1:
            raise lease_lost(lease)
        if row is not None:
            self._wake(transaction, [row], now=now)

    def withdraw(self, transaction: Transaction, row_id: str) -> None:
        """Take back a row that nobody holds: nothing will start it, and what a late holder records is refused."""
        self._statements.withdraw.change(transaction.connection, row_id=row_id)

    async def sweep_all(self, database: Database, *, now: datetime) -> int:
        """Wake every row whose wake-up is missing or overdue; returns how many."""
        return await in_steps(database, lambda transaction: self.sweep(transaction, now=now))

    def sweep(self, transaction: Transaction, *, now: datetime, limit: int = AT_ONCE) -> int:
        """Wake up to `limit` of these rows; returns how many."""
        rows = self._statements.overdue.rows(
            transaction.connection, present=to_microseconds(now), at_most=limit
        )
        for row in rows:
            due_at = from_microseconds(row.due_at)
            wake_at = from_microseconds(max(row.due_at, row.lease_until or 0))
            due = Due(row.row_id, row.attempt, due_at, wake_at, row.wakes + 1)
            self._set_due(transaction, due, now=now)
        return len(rows)

    def free_leases(self, transaction: Transaction, *, now: datetime) -> int:
        """End the leases that a dead process left and have sweep look at their rows now; only the sole owner may.

        It looks at every row that is due soon where wake-ups are not sent with the commit: the last may be lost.
        """
        if not self._sender.sends_with_commit:
            self._statements.unsent.change(
                transaction.connection,
                present=to_microseconds(now),
                soon=to_microseconds(now + HORIZON),
                latest=to_microseconds(now + HORIZON + SWEEP_AFTER),
            )
        return self._statements.free.change(transaction.connection, present=to_microseconds(now))

    def _set_due(self, transaction: Transaction, row: Due, *, now: datetime) -> None:
        changed = self._statements.due.change(
            transaction.connection, **due_parameters(row, now=now)
        )
        if changed:
            self._wake(transaction, [row], now=now)

    def _wake(self, transaction: Transaction, rows: Sequence[Due], *, now: datetime) -> None:
        messages = [
            Message(
                body=WakeUp(row.id, row.attempt).encode(),
                message_id=f"{row.id}/{row.attempt}/{row.wakes}",
                scheduled_enqueue_time=row.wake_at if row.wake_at > now else None,
            )
            for row in rows
            if row.wake_at - now <= HORIZON  # sweep wakes the others when they are nearer
        ]
        if messages:
            self._sender.send_in(transaction, self._queue, messages)


async def when_due(
    start: Callable[[], Awaitable[Started | NotYet | Nothing]], clock: Clock
) -> Started | None:
    """Start a row, after a while where the wake-up came a little early; None when there is nothing to do."""
    while isinstance(started := await start(), NotYet):
        # Not until then by the wall clock: it may be set back meanwhile, and the row then decides anew.
        await clock.sleep(started.due_at - clock.now())
    return None if isinstance(started, Nothing) else started


def lease_lost(lease: Lease) -> LeaseLostError:
    """Return what a holder is told whose row was started again, withdrawn or ended meanwhile."""
    return LeaseLostError(f"attempt {lease.attempt} of {lease.id} is not the present one")


def due_parameters(row: Due, *, now: datetime) -> dict[str, Any]:
    """Return the parameters of the statement that makes a row due."""
    return {
        "row_id": row.id,
        "at_attempt": row.attempt,
        "due": to_microseconds(row.due_at),
        "sweep": to_microseconds(next_sweep(row, now=now)),
        "count": row.wakes,
    }


def next_sweep(row: Due, *, now: datetime) -> datetime:
    """Return when sweep has to look at the row: some time after its wake-up, or in time to send one."""
    if row.wake_at - now > HORIZON:
        return row.wake_at - HORIZON
    doublings = min(row.wakes, DOUBLINGS)
    return max(row.wake_at, now) + SWEEP_AFTER * (1 << doublings)
