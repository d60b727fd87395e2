"""How operations start: woken, or by whoever has ended what they waited for; statements first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, update

from shared.clock import to_microseconds
from shared.connector.operations import OperationStatus
from shared.connector.store import Started
from shared.connector.stores.rows import to_assignment
from shared.connector.stores.statements import ASSIGNED
from shared.connector.stores.tables import operation
from shared.messaging.broker import TransactionalSender
from shared.messaging.entities import OPERATIONS
from shared.messaging.work import Lease, WorkRows
from shared.messaging.work_table import Writes, taking
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared

LEASE = timedelta(seconds=90)

column = operation.c
at_start: Mapping[str, Any] = {
    "status": OperationStatus.RUNNING.value,
    "started_at": func.coalesce(column.started_at, bindparam("present")),
}
at_record: Mapping[str, Any] = {
    "phase": bindparam("next_phase"),
    "request_id": bindparam("with_request_id"),
    "failures": bindparam("with_failures"),
    "polls": bindparam("with_polls"),
    "missing_since": bindparam("with_missing_since"),
    "is_outcome_unknown": bindparam("with_outcome_unknown"),
    "deadline_at": bindparam("with_deadline_at"),
}
start_released = Prepared(
    update(operation)
    .where(
        column.number == bindparam("successor"),
        column.waits_for == 1,
        column.finished_at.is_(None),
        column.due_at.is_(None),
        column.lease_until.is_(None),
    )
    .values(
        waits_for=0,
        deadline_at=bindparam("present") + column.time_limit,
        due_at=bindparam("present"),
        **taking(operation),
        **at_start,
    )
    .returning(column.attempt, column.unrecorded, *ASSIGNED)
)


def operation_work(sender: TransactionalSender) -> WorkRows:
    """Return the mechanism for operations."""
    return WorkRows(
        operation,
        key="id",
        queue=OPERATIONS,
        lease=LEASE,
        sender=sender,
        writes=Writes(at_start=at_start, at_record=at_record, returned=ASSIGNED),
    )


def started_with(lease: Lease) -> Started:
    """Return the operation that `operation_work` has started."""
    return Started(lease, to_assignment(lease.row, leases=lease.unrecorded))


def start_if_released(transaction: Transaction, successor: int, *, now: datetime) -> Started | None:
    """Release and start an operation that waits for one thing only; None, and nothing done, for any other.

    It gets no wake-up: if whoever goes on with it dies, sweep finds it when the lease is over.
    """
    rows = start_released.rows(
        transaction.connection,
        successor=successor,
        present=to_microseconds(now),
        until=to_microseconds(now + LEASE),
    )
    if not rows:
        return None
    (row,) = rows
    return started_with(Lease(row.id, row.attempt, row.unrecorded, row))
