"""What goes on after a 202: the handler of the queue `service-operations`.

Each run is one step: a lease, then one transaction that does a bounded amount of work and records it. An operation with
more to do is due again at once, so that no transaction grows with what is stored. Where the caller waits for the end,
its request does the steps itself, beside the queue: whoever has the lease goes on, and the other looks again.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import LeaseLostError
from shared.messaging.steps import AT_ONCE, in_steps
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet, when_due
from shared.scheduler.service.follow_up import FollowUp
from shared.scheduler.service.job_changes import JobChanges
from shared.scheduler.service.locking import lock_subscription
from shared.scheduler.service.operation_steps import MAX_UNRECORDED, OperationSteps
from shared.scheduler.store import SchedulerStore, StoredOperation
from shared.sql.database import Database, Transaction
from shared.wire.operation import OperationStatus

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=50)
"""Less than what clients and the balancers between wait for an answer."""
LOOK_AGAIN = timedelta(milliseconds=50)


class ServiceOperations:
    """Carries out what the service has accepted."""

    def __init__(
        self,
        database: Database,
        store: SchedulerStore,
        *,
        job_changes: JobChanges,
        follow_up: FollowUp,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._steps = OperationSteps(store, job_changes)
        self._follow_up = follow_up
        self._clock = clock

    async def run(self, wake_up: WakeUp) -> None:
        """Do the next step of the operation that `wake_up` names, if it is due."""
        lease = await when_due(lambda: self._start(wake_up), self._clock)
        if lease is not None:
            await self._go_on(lease)

    async def finish(self, id: str) -> StoredOperation:
        """Carry on an operation, beside whoever else does, until it has ended or `PATIENCE` is over.

        Return it as it is then; what is left goes on by its wake-ups.
        """
        patience = asyncio.create_task(self._clock.sleep(PATIENCE))
        try:
            while True:
                found = await self._database.read(
                    lambda connection: self._store.operations.find(connection, id)
                )
                assert found is not None, "pruning leaves operations in progress alone"
                if found.status != OperationStatus.IN_PROGRESS or patience.done():
                    return found
                if not await self._help(id):
                    await self._clock.sleep(LOOK_AGAIN)
        finally:
            patience.cancel()

    async def sweep(self, now: datetime) -> int:
        """Wake what was not woken and forget what is old; returns how many operations were woken."""
        woken = await self._store.work.sweep_all(self._database, now=now)
        await in_steps(self._database, lambda tx: self._prune(tx, now))
        return woken

    async def free_leases(self, now: datetime) -> int:
        """End the leases of a process that died; only the sole owner of the database may call this."""
        return await self._database.run(lambda tx: self._store.work.free_leases(tx, now=now))

    async def _help(self, id: str) -> bool:
        """Do the next step; False when somebody else is doing it."""
        now = self._clock.now()
        lease = await self._database.run(lambda tx: self._store.work.take(tx, id, now=now))
        if not isinstance(lease, Lease):
            return False
        try:
            await self._go_on(lease)
        except LeaseLostError:
            return False
        return True

    async def _go_on(self, lease: Lease) -> None:
        operation = await self._database.run(lambda tx: self._step(tx, lease))
        # What its steps have planned may be due at once.
        await self._follow_up.after_commit(next_occurrence=self._clock.now())
        if operation.status != OperationStatus.IN_PROGRESS:
            logger.info(
                "operation ended",
                extra={
                    "action": operation.endpoint,
                    "operation_id": operation.id,
                    "status": operation.status,
                    "code": operation.error_code,
                },
            )

    async def _start(self, wake_up: WakeUp) -> Lease | NotYet | Nothing:
        now = self._clock.now()
        return await self._database.run(lambda tx: self._store.work.start(tx, wake_up, now=now))

    def _step(self, transaction: Transaction, lease: Lease) -> StoredOperation:
        operation = self._store.operations.find(transaction.connection, lease.id)
        assert operation is not None, "pruning leaves operations in progress alone"
        lock_subscription(transaction, operation.subscription)
        now = self._clock.now()
        if lease.unrecorded > MAX_UNRECORDED:
            ended = self._steps.give_up(transaction.connection, operation)
        else:
            ended = self._steps.carry_out(transaction, operation, now=now)
        goes_on = ended.status == OperationStatus.IN_PROGRESS
        self._store.work.record(transaction, lease, due_at=now if goes_on else None, now=now)
        if ended != operation:
            self._store.operations.update(transaction.connection, ended)
        return ended

    def _prune(self, transaction: Transaction, now: datetime) -> int:
        return self._store.operations.prune(transaction.connection, now=now, limit=AT_ONCE)
