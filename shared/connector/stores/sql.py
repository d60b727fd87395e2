"""Operations in SQL; the statements stand in statements.py."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

from shared.clock import (
    MICROSECOND,
    from_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.connector.listing import OperationFilter, OperationPage
from shared.connector.operations import Ended, Later, NewOperation, Operation
from shared.connector.ordering import REMEMBERED, paths_above, range_below, scopes_of
from shared.connector.store import Acceptance, Recorded, Started
from shared.connector.stores import statements
from shared.connector.stores.ends import End, Ends
from shared.connector.stores.listing import find_page
from shared.connector.stores.path_locks import lock_paths
from shared.connector.stores.results import find_large_result, prune_large_results
from shared.connector.stores.rows import to_operation
from shared.connector.stores.starting import operation_work, started_with
from shared.errors import ConflictError
from shared.events.log import EventLog
from shared.messaging.broker import TransactionalSender
from shared.messaging.steps import AT_ONCE, in_steps
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from shared.sql.database import Database, Transaction

KEYS_KEPT = timedelta(hours=24)


class SqlOperationStore:
    """Over one database, in which the event log and, with the embedded broker, the queue live too."""

    def __init__(
        self,
        database: Database,
        *,
        sender: TransactionalSender,
        event_log: EventLog,
        source: str,
        public_url: str | None,
        kept: timedelta,
    ) -> None:
        """`kept` is how long operations that ended are."""
        self._database = database
        self._kept = kept
        self._work = operation_work(sender)
        self._ends = Ends(
            database, work=self._work, event_log=event_log, source=source, public_url=public_url
        )

    async def accept(self, acceptance: Acceptance) -> list[Operation]:
        accepted = await self._database.run_grouped(self._accept_group, acceptance)
        if isinstance(accepted, ConflictError):
            raise accepted
        return accepted

    async def start(self, wake_up: WakeUp, *, now: datetime) -> Started | NotYet | Nothing:
        return await self._database.run(lambda tx: self._start(tx, wake_up, now))

    async def record(
        self, lease: Lease, step: Later | Ended, *, now: datetime, goes_on: bool = False
    ) -> Recorded:
        if isinstance(step, Ended):
            return await self._ends.record(End(lease, step, now, goes_on))
        await self._database.run(lambda tx: self._go_on(tx, lease, step, now))
        return Recorded()

    async def cancel(self, operation_id: str, *, now: datetime) -> Operation:
        return await self._ends.cancel(operation_id, now=now)

    async def get(self, operation_id: str) -> Operation | None:
        rows = await self._database.read(
            lambda connection: statements.get.rows(connection, operation_id=operation_id),
            is_short=True,
        )
        return to_operation(rows[0]) if rows else None

    async def page(self, wanted: OperationFilter) -> OperationPage:
        return await self._database.read(lambda connection: find_page(connection, wanted))

    async def large_result(self, operation_id: str) -> str | None:
        return await self._database.read(
            lambda connection: find_large_result(connection, operation_id)
        )

    async def sweep(self, *, now: datetime) -> int:
        for row in await self._database.read(statements.releasing.rows):
            await self._ends.finish_release(row.number, now=now)
        return await self._work.sweep_all(self._database, now=now)

    async def free_leases(self, *, now: datetime) -> int:
        return await self._database.run(lambda tx: self._work.free_leases(tx, now=now))

    async def prune(self, *, now: datetime) -> int:
        keys_before = to_microseconds(now - KEYS_KEPT)
        ended_before = to_microseconds(now - self._kept)
        await in_steps(
            self._database,
            lambda tx: statements.prune_keys.change(
                tx.connection, accepted_before=keys_before, at_most=AT_ONCE
            ),
        )
        await in_steps(self._database, lambda tx: prune_large_results(tx, now=now))
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
        service_scope, collection_scope = scopes_of(new.follows)
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
            path=new.follows,
            service_scope=service_scope,
            collection_scope=collection_scope,
            blocks=new.blocks,
            status=operation.status.value,
            caller=operation.caller,
            correlation_id=operation.correlation_id,
            traceparent=operation.traceparent,
            sealed_body=new.sealed_body,
            if_match=new.if_match,
            reply_queue=new.reply_to and new.reply_to.queue,
            reply_session_id=new.reply_to and new.reply_to.session_id,
            reply_correlation_id=new.reply_to and new.reply_to.correlation_id,
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
        return started_with(lease) if isinstance(lease, Lease) else lease

    def _go_on(self, transaction: Transaction, lease: Lease, step: Later, now: datetime) -> None:
        progress = step.progress
        values = {
            "next_phase": progress.phase.value,
            "with_request_id": progress.request_id,
            "with_failures": progress.failures,
            "with_polls": progress.polls,
            "with_missing_since": to_optional_microseconds(progress.missing_since),
            "with_outcome_unknown": int(progress.is_outcome_unknown),
            "with_deadline_at": to_microseconds(step.deadline_at),
        }
        self._work.record(transaction, lease, due_at=step.due_at, now=now, values=values)


@lru_cache(maxsize=REMEMBERED)
def conflicting_paths(path: str) -> Mapping[str, str]:
    """Return the parameters that find what `path` waits for: the paths above it, itself included, and those below."""
    above = paths_above(path)
    assert len(above) <= statements.DEEPEST
    lower, upper = range_below(path)
    # The empty text is no path: it fills the places that a statement of fixed length has left over.
    above += [""] * (statements.DEEPEST - len(above))
    ancestors = {f"ancestor_{depth}": ancestor for depth, ancestor in enumerate(above)}
    return MappingProxyType({"path": lower, "path_end": upper, **ancestors})
