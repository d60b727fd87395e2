"""What goes on after a 202: the handler of the queue `service-operations`.

Each run is one step: a lease, then one transaction that does a bounded amount of work and records it. A deletion with
more to remove is due again at once, so that no transaction grows with what is stored.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from shared.clock import Clock
from shared.messaging.steps import AT_ONCE, in_steps
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet, when_due
from shared.scheduler.service.follow_up import FollowUp
from shared.scheduler.service.job_changes import JobChanges, Site
from shared.scheduler.store import SchedulerStore, StoredOperation
from shared.sql.database import Database, Transaction
from shared.wire.job_collection import OperationResult
from shared.wire.operation import OperationStatus

logger = logging.getLogger(__name__)

MAX_UNRECORDED = 10
JOBS_AT_ONCE = 100
"""A job takes ten statements, where a record takes a part of one."""


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
        self._job_changes = job_changes
        self._follow_up = follow_up
        self._clock = clock

    async def run(self, wake_up: WakeUp) -> None:
        """Do the next step of the operation that `wake_up` names, if it is due."""
        lease = await when_due(lambda: self._start(wake_up), self._clock)
        if lease is None:
            return
        operation = await self._database.run(lambda tx: self._step(tx, lease))
        await self._follow_up.after_commit()
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

    async def sweep(self, now: datetime) -> int:
        """Wake what was not woken and forget what is old; returns how many operations were woken."""
        woken = await self._store.work.sweep_all(self._database, now=now)
        await in_steps(self._database, lambda tx: self._prune(tx, now))
        return woken

    async def free_leases(self, now: datetime) -> int:
        """End the leases of a process that died; only the sole owner of the database may call this."""
        return await self._database.run(lambda tx: self._store.work.free_leases(tx, now=now))

    async def _start(self, wake_up: WakeUp) -> Lease | NotYet | Nothing:
        now = self._clock.now()
        return await self._database.run(lambda tx: self._store.work.start(tx, wake_up, now=now))

    def _step(self, transaction: Transaction, lease: Lease) -> StoredOperation:
        operation = self._store.operations.find(transaction.connection, lease.id)
        assert operation is not None, "pruning leaves operations in progress alone"
        now = self._clock.now()
        if lease.unrecorded > MAX_UNRECORDED:
            ended = self._give_up(transaction.connection, operation)
        else:
            ended = self._carry_out(transaction, operation, now=now)
        goes_on = ended.status == OperationStatus.IN_PROGRESS
        self._store.work.record(transaction, lease, due_at=now if goes_on else None, now=now)
        if not goes_on:
            self._store.operations.end(transaction.connection, ended)
        return ended

    def _carry_out(
        self, transaction: Transaction, operation: StoredOperation, *, now: datetime
    ) -> StoredOperation:
        match operation.endpoint:
            case "DeleteCloudService" | "DeleteJobCollection":
                return self._delete(transaction, operation, now=now)
            case "CreateJobCollection":
                return self._settle(transaction.connection, operation)
            case _:
                return succeeded(operation)

    def _delete(
        self, transaction: Transaction, operation: StoredOperation, *, now: datetime
    ) -> StoredOperation:
        service_id, collection_id = operation.cloud_service_id, operation.job_collection_id
        assert service_id is not None, "what goes on after its answer has a target"
        connection = transaction.connection
        records = self._store.jobs.delete_history(
            connection, cloud_service_id=service_id, job_collection_id=collection_id, limit=AT_ONCE
        )
        if records == AT_ONCE or self._delete_jobs(transaction, operation, now) == JOBS_AT_ONCE:
            return operation
        if collection_id is None:
            self._store.cloud_services.delete(connection, service_id)
        else:
            self._store.job_collections.delete(connection, collection_id)
        return succeeded(operation)

    def _delete_jobs(
        self, transaction: Transaction, operation: StoredOperation, now: datetime
    ) -> int:
        """Remove some jobs, each told of as if it had been deleted alone; returns how many."""
        connection, service_id = transaction.connection, operation.cloud_service_id
        assert service_id is not None, "what goes on after its answer has a target"
        jobs = self._store.jobs.some(
            connection,
            cloud_service_id=service_id,
            job_collection_id=operation.job_collection_id,
            limit=JOBS_AT_ONCE,
        )
        if not jobs:
            return 0
        sites = self._sites(connection, service_id, operation, now=now)
        for collection, job in jobs:
            self._job_changes.delete(transaction, sites[collection], job)
        return len(jobs)

    def _sites(
        self, connection: Connection, service_id: int, operation: StoredOperation, *, now: datetime
    ) -> Mapping[str, Site]:
        service = self._store.cloud_services.get(connection, service_id)
        assert service is not None, "it has jobs"
        return {
            collection.name: Site(
                subscription=operation.subscription,
                cloud_service=service.name,
                collection=collection,
                request_id=operation.id,
                now=now,
            )
            for collection in self._store.job_collections.list_of(connection, service_id)
        }

    def _settle(self, connection: Connection, operation: StoredOperation) -> StoredOperation:
        """Tell in the collection itself how its creation or update ended, unless its deletion has begun."""
        assert operation.job_collection_id is not None, "a collection's operation names it"
        found = self._store.job_collections.get(connection, operation.job_collection_id)
        if found is None:
            return failed(operation, 404, "ResourceNotFound", "The job collection was deleted.")
        if not found.is_deleting:
            ended = replace(found, operation_result=OperationResult.SUCCEEDED, error_message=None)
            self._store.job_collections.update(connection, ended)
        return succeeded(operation)

    def _give_up(self, connection: Connection, operation: StoredOperation) -> StoredOperation:
        """Leave what could not be changed as it was, and open to another try."""
        message = f"The operation was tried {MAX_UNRECORDED} times and never ended."
        services, collections = self._store.cloud_services, self._store.job_collections
        if operation.job_collection_id is not None:
            collection = collections.get(connection, operation.job_collection_id)
            if collection is not None:
                collection = replace(
                    collection,
                    operation_result=OperationResult.FAILED,
                    error_message=message,
                    is_deleting=False,
                )
                collections.update(connection, collection)
        elif operation.cloud_service_id is not None:
            service = services.get(connection, operation.cloud_service_id)
            if service is not None:
                services.update(connection, replace(service, is_deleting=False))
        return failed(operation, 500, "InternalError", message)

    def _prune(self, transaction: Transaction, now: datetime) -> int:
        return self._store.operations.prune(transaction.connection, now=now, limit=AT_ONCE)


def succeeded(operation: StoredOperation) -> StoredOperation:
    return replace(operation, status=OperationStatus.SUCCEEDED)


def failed(operation: StoredOperation, status: int, code: str, message: str) -> StoredOperation:
    return replace(
        operation,
        status=OperationStatus.FAILED,
        error_status=status,
        error_code=code,
        error_message=message,
    )
