"""The end of an operation: its row, its event, and the release of what waited for it, in one transaction.

What waits for a write waits for the last unfinished one of each path. So what waited for a write that is canceled waits
for the one before it on the same path, if that has not ended.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.clock import to_microseconds, to_optional_microseconds
from shared.connector.announcements import end_event
from shared.connector.operations import Ended, Operation, OperationStatus
from shared.connector.stores import statements
from shared.connector.stores.path_locks import lock_paths
from shared.connector.stores.replies import insert_into_outbox
from shared.connector.stores.results import (
    LARGE_RESULTS_KEPT,
    LONGEST_RESULT,
    encoded_result,
    keep_large_result,
)
from shared.connector.stores.rows import to_operation, to_reply_to
from shared.errors import ConflictError, LeaseLostError, NotFoundError, RequestError
from shared.events.log import EventLog
from shared.messaging.steps import in_steps
from shared.messaging.work import Lease, WorkRows
from shared.sql.database import Database, Transaction

RELEASED_AT_ONCE = 200


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
        self._event_log = event_log
        self._source = source
        self._public_url = public_url or ""

    async def record(self, lease: Lease, end: Ended, *, now: datetime) -> None:
        """Raises LeaseLostError."""
        unreleased = await self._database.run(lambda tx: self._record(tx, lease, end, now))
        if unreleased is not None:
            await self.release_rest(unreleased, now=now)

    async def cancel(self, operation_id: str, *, now: datetime) -> Operation:
        """Raises NotFoundError and ConflictError."""
        found, unreleased = await self._database.run(
            lambda transaction: self._cancel(transaction, operation_id, now)
        )
        if isinstance(found, RequestError):
            raise found
        if unreleased is not None:
            await self.release_rest(unreleased, now=now)
        return found

    async def release_rest(self, ended: int, *, now: datetime) -> None:
        """Go on with the release of what waits for an operation that has ended."""

        def step(transaction: Transaction) -> int:
            # Of two processes that release, the second finds what the first has left, and not nothing.
            rows = statements.lock_ended.rows(transaction.connection, ended=ended)
            released = sum(self._release(transaction, row, now) for row in rows)
            if released < RELEASED_AT_ONCE:
                statements.set_releasing.change(transaction.connection, ended=ended, since=None)
            return released

        await in_steps(self._database, step, at_once=RELEASED_AT_ONCE)

    def _record(
        self, transaction: Transaction, lease: Lease, end: Ended, now: datetime
    ) -> int | None:
        connection = transaction.connection
        paths = statements.find_path.rows(connection, operation_id=lease.id)
        lock_paths(transaction, (row.path for row in paths))
        self._work.record(transaction, lease, due_at=None, now=now)
        text = encoded_result(end.result)
        is_large = text is not None and len(text) > LONGEST_RESULT
        kept_until = now + LARGE_RESULTS_KEPT if is_large else None
        rows = statements.end.rows(
            connection,
            operation_id=lease.id,
            with_status=end.status.value,
            present=to_microseconds(now),
            with_http_status=end.http_status,
            with_error_code=end.error and end.error.code,
            with_error_message=end.error and end.error.message,
            with_result=None if is_large else text,
            with_large_result_until=to_optional_microseconds(kept_until),
        )
        if not rows:
            raise LeaseLostError(f"operation {lease.id} has ended already")
        if text is not None and kept_until is not None:
            keep_large_result(transaction, lease.id, text, until=kept_until)
        return self._close(transaction, rows[0], now)

    def _cancel(
        self, transaction: Transaction, operation_id: str, now: datetime
    ) -> tuple[Operation | RequestError, int | None]:
        connection = transaction.connection
        paths = statements.find_path.rows(connection, operation_id=operation_id)
        if not paths:
            return NotFoundError(f"there is no operation {operation_id!r}"), None
        lock_paths(transaction, (row.path for row in paths))
        rows = statements.cancel.rows(
            connection, operation_id=operation_id, present=to_microseconds(now)
        )
        if rows:
            self._work.withdraw(transaction, operation_id)
            return to_operation(rows[0]), self._close(transaction, rows[0], now)
        (row,) = statements.get.rows(connection, operation_id=operation_id)
        found = to_operation(row)
        if found.status is OperationStatus.CANCELED:
            return found, None
        return ConflictError(
            f"operation {operation_id!r} is {found.status}; only one that was never started can be canceled"
        ), None

    def _close(self, transaction: Transaction, row: Any, now: datetime) -> int | None:
        """Tell of the end, and release; returns the operation's number when more waits for it than fits in here."""
        event = end_event(to_operation(row), source=self._source, public_url=self._public_url)
        structured = event.encode()
        self._event_log.insert_encoded(transaction, event, structured)
        reply_to = to_reply_to(row)
        if reply_to is not None:
            insert_into_outbox(transaction, row.id, reply_to, structured, now=now)
        if self._release(transaction, row, now) < RELEASED_AT_ONCE:
            return None
        number: int = row.number
        statements.set_releasing.change(
            transaction.connection, ended=number, since=to_microseconds(now)
        )
        return number

    def _release(self, transaction: Transaction, ended: Any, now: datetime) -> int:
        """Release some of what waits for an operation that has ended; returns how many."""
        connection = transaction.connection
        rows = statements.forget_waiting.rows(
            connection, ended=ended.number, at_most=RELEASED_AT_ONCE
        )
        successors: Sequence[int] = [row.successor for row in rows]
        before = find_before(transaction, ended) if successors else None
        if before is not None:
            statements.insert_waiting.execute_many(
                connection, [{"before": before, "after": after} for after in successors]
            )
        else:
            for successor in successors:
                self._release_one(transaction, successor, now)
        return len(successors)

    def _release_one(self, transaction: Transaction, successor: int, now: datetime) -> None:
        rows = statements.release.rows(transaction.connection, successor=successor)
        for row in rows:  # none when it was canceled meanwhile
            if row.waits_for == 0:
                statements.set_deadline.change(
                    transaction.connection, operation_id=row.id, present=to_microseconds(now)
                )
                self._work.schedule(transaction, row.id, attempt=row.attempt, due_at=now, now=now)


def find_before(transaction: Transaction, ended: Any) -> int | None:
    """Return the unfinished write that what waited for a canceled one has to wait for in its place."""
    if ended.status != OperationStatus.CANCELED:
        return None  # it could only start because there is none
    (row,) = statements.find_before.rows(
        transaction.connection, of_path=ended.path, ended=ended.number
    )
    number: int | None = row[0]
    return number
