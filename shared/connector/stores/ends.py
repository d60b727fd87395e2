"""The end of an operation: its row, its result, its event, its reply, and the release of what waited for it, in one
transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from shared.clock import to_microseconds, to_optional_microseconds
from shared.connector.announcements import end_event
from shared.connector.operations import Ended, Operation, OperationStatus
from shared.connector.store import Recorded, Started
from shared.connector.stores import statements
from shared.connector.stores.path_locks import lock_paths
from shared.connector.stores.releases import Releases
from shared.connector.stores.replies import insert_into_outbox
from shared.connector.stores.results import (
    LARGE_RESULTS_KEPT,
    LONGEST_RESULT,
    encoded_result,
    keep_large_result,
)
from shared.connector.stores.rows import operation_of, to_operation, to_reply_to
from shared.errors import ConflictError, LeaseLostError, NotFoundError, RequestError
from shared.events.log import EventLog
from shared.messaging.work import Lease, WorkRows, lease_lost
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class End:
    """An end to write down; who `goes_on` starts what it releases."""

    lease: Lease
    ended: Ended
    now: datetime
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """An operation that has ended, and what followed; `number` if more waits for it than one transaction releases."""

    operation: Operation
    number: int | None = None
    following: Started | None = None


class Ends:
    """Ends operations of one database."""

    def __init__(
        self,
        database: Database,
        *,
        work: WorkRows,
        event_log: EventLog,
        source: str,
        public_url: str | None,
    ) -> None:
        self._database = database
        self._work = work
        self._releases = Releases(database, work)
        self._event_log = event_log
        self._source = source
        self._public_url = public_url or ""

    async def record(self, end: End) -> Recorded:
        """Raises LeaseLostError."""
        closed, is_published = await self._database.run_grouped(self._record_group, end)
        if isinstance(closed, LeaseLostError):
            raise closed
        if closed.number is not None:
            await self.finish_release(closed.number, now=end.now)
        return Recorded(is_published, closed.following)

    async def cancel(self, operation_id: str, *, now: datetime) -> Operation:
        """Raises NotFoundError and ConflictError."""
        closed = await self._database.run(
            lambda transaction: self._cancel(transaction, operation_id, now)
        )
        if isinstance(closed, RequestError):
            raise closed
        if closed.number is not None:
            await self.finish_release(closed.number, now=now)
        return closed.operation

    async def finish_release(self, ended: int, *, now: datetime) -> None:
        """Release what more waits for an operation that has ended."""
        await self._releases.finish(ended, now=now)

    # A bound method is a new object each time, equal to the last: the group is found by equality.
    def _record_group(
        self, transaction: Transaction, group: Sequence[End]
    ) -> Sequence[tuple[Closed | LeaseLostError, bool]]:
        lock_paths(
            transaction,
            (
                row.path
                for end in group
                for row in statements.find_path.rows(
                    transaction.connection, operation_id=end.lease.id
                )
            ),
        )
        closed = [self._record(transaction, end) for end in group]
        is_published = self._event_log.publish_in(transaction)
        return [(one, is_published) for one in closed]

    def _record(self, transaction: Transaction, end: End) -> Closed | LeaseLostError:
        written = self._write(transaction, end)
        if written is None:  # nothing is, and the others in the group go on
            return lease_lost(end.lease)
        row, operation = written
        self._tell(transaction, row, operation, end.now)
        released = self._releases.begin(transaction, row, end.now, goes_on=end.goes_on)
        return Closed(operation, None if released.is_all else row.number, released.started)

    def _write(self, transaction: Transaction, end: End) -> tuple[Any, Operation] | None:
        """Write the end into its row, and a large result beside it; None when the lease is another's by now."""
        ended, text = end.ended, encoded_result(end.ended.result)
        is_large = text is not None and len(text) > LONGEST_RESULT
        kept_until = end.now + LARGE_RESULTS_KEPT if is_large else None
        rows = statements.end.rows(
            transaction.connection,
            operation_id=end.lease.id,
            at_attempt=end.lease.attempt,
            with_status=ended.status.value,
            present=to_microseconds(end.now),
            with_http_status=ended.http_status,
            with_error_code=ended.error and ended.error.code,
            with_error_message=ended.error and ended.error.message,
            with_result=None if is_large else text,
            with_large_result_until=to_optional_microseconds(kept_until),
        )
        if not rows:
            return None
        if text is not None and kept_until is not None:
            keep_large_result(transaction, end.lease.id, text, until=kept_until)
        is_beside = is_large or text is None
        return rows[0], operation_of(rows[0], None if is_beside else ended.result)

    def _cancel(
        self, transaction: Transaction, operation_id: str, now: datetime
    ) -> Closed | RequestError:
        connection = transaction.connection
        paths = statements.find_path.rows(connection, operation_id=operation_id)
        if not paths:
            return NotFoundError(f"there is no operation {operation_id!r}")
        lock_paths(transaction, (row.path for row in paths))
        rows = statements.cancel.rows(
            connection, operation_id=operation_id, present=to_microseconds(now)
        )
        if not rows:
            (row,) = statements.get.rows(connection, operation_id=operation_id)
            return canceled_before(to_operation(row))
        self._work.withdraw(transaction, operation_id)
        operation = operation_of(rows[0], None)
        self._tell(transaction, rows[0], operation, now)
        released = self._releases.begin(transaction, rows[0], now, goes_on=False)
        return Closed(operation, None if released.is_all else rows[0].number)

    def _tell(
        self, transaction: Transaction, row: Any, operation: Operation, now: datetime
    ) -> None:
        """Insert the event, and the reply for whoever asked for one."""
        event = end_event(operation, source=self._source, public_url=self._public_url)
        structured = event.encode()
        if not self._event_log.insert_encoded(transaction, event, structured):
            # An operation ends once: another event has taken the id.
            transaction.on_commit(partial(log_missing_event, event.id))
        reply_to = to_reply_to(row)
        if reply_to is not None:
            insert_into_outbox(transaction, row.id, reply_to, structured, now=now)


def log_missing_event(event_id: str) -> None:
    logger.error(
        "the event of an operation's end is missing from the log: another has its id",
        extra={"action": "tell_end", "event_id": event_id},
    )


def canceled_before(operation: Operation) -> Closed | RequestError:
    """Return what canceling comes to when the operation is not waiting any more to be started."""
    if operation.status is OperationStatus.CANCELED:
        return Closed(operation)
    return ConflictError(
        f"operation {operation.id!r} is {operation.status}; only one that was never started can be canceled"
    )
