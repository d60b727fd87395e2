"""Operations in SQL; the statements stand in statements.py."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.clock import (
    MICROSECOND,
    from_microseconds,
    from_optional_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.connector.announcements import end_event
from shared.connector.operations import (
    Assignment,
    Ended,
    Later,
    NewOperation,
    Operation,
    OperationError,
    OperationStatus,
    Phase,
    Progress,
)
from shared.connector.ordering import paths_above, range_below
from shared.connector.store import Acceptance, Started
from shared.connector.stores import statements
from shared.connector.stores.path_locks import lock_paths
from shared.connector.stores.tables import operation_work
from shared.errors import ConflictError, LeaseLostError
from shared.events.log import EventLog
from shared.messaging.broker import TransactionalSender
from shared.messaging.steps import AT_ONCE, in_steps
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from shared.sql.database import Database, Transaction

KEYS_KEPT = timedelta(hours=24)
OPERATIONS_KEPT = timedelta(days=7)
RELEASED_AT_ONCE = 200


class SqlOperationStore:
    """Over one database, in which the event log and, with the embedded broker, the queue live too."""

    def __init__(
        self, database: Database, *, sender: TransactionalSender, event_log: EventLog, source: str
    ) -> None:
        self._database = database
        self._work = operation_work(sender)
        self._event_log = event_log
        self._source = source

    async def accept(self, acceptance: Acceptance) -> list[Operation]:
        accepted = await self._database.run_grouped(self._accept_group, acceptance)
        if isinstance(accepted, ConflictError):
            raise accepted
        return accepted

    async def start(self, wake_up: WakeUp, *, now: datetime) -> Started | NotYet | Nothing:
        return await self._database.run(lambda tx: self._start(tx, wake_up, now))

    async def record(self, lease: Lease, step: Later | Ended, *, now: datetime) -> None:
        if isinstance(step, Later):
            await self._database.run(lambda tx: self._go_on(tx, lease, step, now))
        else:
            going_on = await self._database.run(lambda tx: self._end(tx, lease, step, now))
            if going_on is not None:
                await self._release_rest(going_on, now)

    async def get(self, operation_id: str) -> Operation | None:
        rows = await self._database.read(
            lambda connection: statements.get.rows(connection, operation_id=operation_id)
        )
        return to_operation(rows[0]) if rows else None

    async def newest(self, *, limit: int) -> list[Operation]:
        rows = await self._database.read(
            lambda connection: statements.newest.rows(connection, at_most=limit)
        )
        return [to_operation(row) for row in rows]

    async def sweep(self, *, now: datetime) -> int:
        for row in await self._database.read(statements.releasing.rows):
            await self._release_rest(row.number, now)
        return await self._work.sweep_all(self._database, now=now)

    async def free_leases(self, *, now: datetime) -> int:
        return await self._database.run(lambda tx: self._work.free_leases(tx, now=now))

    async def prune(self, *, now: datetime) -> int:
        keys_before = to_microseconds(now - KEYS_KEPT)
        ended_before = to_microseconds(now - OPERATIONS_KEPT)
        await in_steps(
            self._database,
            lambda tx: statements.prune_keys.change(
                tx.connection, accepted_before=keys_before, at_most=AT_ONCE
            ),
        )
        return await in_steps(
            self._database,
            lambda tx: statements.prune_operations.change(
                tx.connection, ended_before=ended_before, at_most=AT_ONCE
            ),
        )

    # A bound method is a new object each time, equal to the last: the group is found by equality.
    def _accept_group(
        self, transaction: Transaction, group: Sequence[Acceptance]
    ) -> Sequence[list[Operation] | ConflictError]:
        lock_paths(
            transaction,
            (new.follows for acceptance in group for new in acceptance.operations),
            keys=((one.caller, one.key) for one in group if one.key is not None),
        )
        return [self._accept(transaction, acceptance) for acceptance in group]

    def _accept(
        self, transaction: Transaction, acceptance: Acceptance
    ) -> list[Operation] | ConflictError:
        if acceptance.key is not None:
            known = self._known(transaction, acceptance, acceptance.key)
            if known is not None:
                return known
            statements.insert_key.change(
                transaction.connection,
                caller=acceptance.caller,
                key=acceptance.key,
                fingerprint=acceptance.fingerprint,
                operation_ids=json.dumps([new.operation.id for new in acceptance.operations]),
                accepted_at=to_microseconds(acceptance.now),
            )
        for new in acceptance.operations:
            self._insert(transaction, new, acceptance.now)
        return [new.operation for new in acceptance.operations]

    def _known(
        self, transaction: Transaction, acceptance: Acceptance, key: str
    ) -> list[Operation] | ConflictError | None:
        connection = transaction.connection
        rows = statements.find_key.rows(connection, of_caller=acceptance.caller, of_key=key)
        if not rows:
            return None
        row = rows[0]
        if from_microseconds(row.accepted_at) + KEYS_KEPT <= acceptance.now:
            statements.delete_key.change(connection, of_caller=acceptance.caller, of_key=key)
            return None
        if row.fingerprint != acceptance.fingerprint:
            return ConflictError(f"the key {key!r} was used for another request within 24 hours")
        return [
            to_operation(statements.get.rows(connection, operation_id=operation_id)[0])
            for operation_id in json.loads(row.operation_ids)
        ]

    def _insert(self, transaction: Transaction, new: NewOperation, now: datetime) -> None:
        connection, operation = transaction.connection, new.operation
        predecessors = statements.find_predecessors.rows(
            connection, **conflicting_paths(new.follows)
        )
        # Parked until the last of what it waits for ends.
        work: dict[str, int | None] = {"due_at": None, "sweep_at": None}
        if not predecessors:
            work |= self._work.first(transaction, operation.id, due_at=now, now=now)
        inserted = statements.insert_operation.rows(
            connection,
            **work,
            id=operation.id,
            command=operation.command,
            resource=operation.resource,
            blocks=new.blocks,
            status=operation.status.value,
            caller=operation.caller,
            correlation_id=operation.correlation_id,
            sealed_body=new.sealed_body,
            if_match=new.if_match,
            time_limit=new.time_limit // MICROSECOND,
            deadline_at=None if predecessors else to_microseconds(now + new.time_limit),
            requested_at=to_microseconds(now),
            waits_for=len(predecessors),
        )
        if predecessors:
            statements.insert_waiting.execute_many(
                connection,
                [{"before": row[0], "after": inserted[0].number} for row in predecessors],
            )

    def _start(
        self, transaction: Transaction, wake_up: WakeUp, now: datetime
    ) -> Started | NotYet | Nothing:
        lease = self._work.start(transaction, wake_up, now=now)
        if not isinstance(lease, Lease):
            return lease
        (row,) = statements.begin.rows(
            transaction.connection, operation_id=lease.id, present=to_microseconds(now)
        )
        return Started(lease, to_assignment(row, leases=lease.unrecorded))

    def _go_on(self, transaction: Transaction, lease: Lease, step: Later, now: datetime) -> None:
        self._work.record(transaction, lease, due_at=step.due_at, now=now)
        progress = step.progress
        statements.progress.change(
            transaction.connection,
            operation_id=lease.id,
            next_phase=progress.phase.value,
            with_request_id=progress.request_id,
            with_failures=progress.failures,
            with_polls=progress.polls,
            with_missing_since=to_optional_microseconds(progress.missing_since),
            with_outcome_unknown=int(progress.is_outcome_unknown),
            with_deadline_at=to_microseconds(step.deadline_at),
        )

    def _end(self, transaction: Transaction, lease: Lease, end: Ended, now: datetime) -> int | None:
        """End the operation; returns its number when more waits for it than one transaction releases."""
        rows = statements.blocked_path.rows(transaction.connection, operation_id=lease.id)
        lock_paths(transaction, (row.blocks for row in rows if row.blocks is not None))
        self._work.record(transaction, lease, due_at=None, now=now)
        rows = statements.end.rows(
            transaction.connection,
            operation_id=lease.id,
            with_status=end.status.value,
            present=to_microseconds(now),
            with_http_status=end.http_status,
            with_error_code=end.error and end.error.code,
            with_error_message=end.error and end.error.message,
            with_result=None if end.result is None else json.dumps(end.result),
        )
        if not rows:
            raise LeaseLostError(f"operation {lease.id} has ended already")
        self._event_log.insert(transaction, end_event(to_operation(rows[0]), source=self._source))
        number: int = rows[0].number
        if self._release(transaction, number, now) < RELEASED_AT_ONCE:
            return None
        statements.set_releasing.change(
            transaction.connection, ended=number, since=to_microseconds(now)
        )
        return number

    async def _release_rest(self, ended: int, now: datetime) -> None:
        def step(transaction: Transaction) -> int:
            # Of two processes that release, the second finds what the first has left, and not nothing.
            statements.lock_ended.rows(transaction.connection, ended=ended)
            released = self._release(transaction, ended, now)
            if released < RELEASED_AT_ONCE:
                statements.set_releasing.change(transaction.connection, ended=ended, since=None)
            return released

        await in_steps(self._database, step, at_once=RELEASED_AT_ONCE)

    def _release(self, transaction: Transaction, ended: int, now: datetime) -> int:
        """Release some of what waits for an operation that has ended; returns how many."""
        connection = transaction.connection
        successors = statements.forget_waiting.rows(
            connection, ended=ended, at_most=RELEASED_AT_ONCE
        )
        for successor in successors:
            (row,) = statements.release.rows(connection, successor=successor[0])
            if row.waits_for == 0:
                statements.set_deadline.change(
                    connection, operation_id=row.id, present=to_microseconds(now)
                )
                self._work.schedule(transaction, row.id, attempt=row.attempt, due_at=now, now=now)
        return len(successors)


def conflicting_paths(path: str) -> dict[str, str]:
    """Return the parameters that find what `path` waits for: the paths above it, itself included, and those below."""
    above = paths_above(path)
    assert len(above) <= statements.DEEPEST
    lower, upper = range_below(path)
    # The empty text is no path: it fills the places that a statement of fixed length has left over.
    above += [""] * (statements.DEEPEST - len(above))
    ancestors = {f"ancestor_{depth}": ancestor for depth, ancestor in enumerate(above)}
    return {"path": lower, "path_end": upper, **ancestors}


def to_operation(row: Any) -> Operation:
    error = None
    if row.error_code is not None:
        error = OperationError(code=row.error_code, message=row.error_message)
    return Operation(
        id=row.id,
        command=row.command,
        resource=row.resource,
        status=OperationStatus(row.status),
        caller=row.caller,
        correlation_id=row.correlation_id,
        requested_at=from_microseconds(row.requested_at),
        started_at=from_optional_microseconds(row.started_at),
        finished_at=from_optional_microseconds(row.finished_at),
        http_status=row.http_status,
        error=error,
        result=None if row.result is None else json.loads(row.result),
    )


def to_assignment(row: Any, *, leases: int) -> Assignment:
    return Assignment(
        operation=to_operation(row),
        sealed_body=row.sealed_body,
        if_match=row.if_match,
        first_sent_at=from_microseconds(row.started_at),
        deadline_at=from_microseconds(row.deadline_at),
        progress=Progress(
            phase=Phase(row.phase),
            request_id=row.request_id,
            failures=row.failures,
            polls=row.polls,
            missing_since=from_optional_microseconds(row.missing_since),
            is_outcome_unknown=bool(row.is_outcome_unknown),
        ),
        leases=leases,
    )
