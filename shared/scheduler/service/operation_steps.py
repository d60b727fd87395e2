"""The steps of operations, by endpoint: each is a bounded amount of work in one transaction.

A step returns the operation as it is afterwards; one that is in progress still has more to do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic_core import from_json
from sqlalchemy import Connection

from shared.errors import InvalidRequestError
from shared.messaging.steps import AT_ONCE
from shared.scheduler.service.job_changes import Definition, JobChanges, Site, stored_as
from shared.scheduler.store import SchedulerStore, StoredJob, StoredOperation
from shared.sql.database import Transaction
from shared.wire.job import Job
from shared.wire.job_collection import OperationResult
from shared.wire.json_types import JsonObject
from shared.wire.merge import merge
from shared.wire.model import read_stored
from shared.wire.operation import OperationStatus

MAX_UNRECORDED = 10
JOBS_AT_ONCE = 100
"""A job takes ten statements, where a record takes a part of one."""


class OperationSteps:
    """What is done for an operation, and what is left of one that cannot be done."""

    def __init__(self, store: SchedulerStore, job_changes: JobChanges) -> None:
        self._store = store
        self._job_changes = job_changes

    def carry_out(
        self, transaction: Transaction, operation: StoredOperation, *, now: datetime
    ) -> StoredOperation:
        match operation.endpoint:
            case "DeleteCloudService" | "DeleteJobCollection":
                return self._delete(transaction, operation, now=now)
            case "CreateJobCollection" | "PatchJobCollection":
                if operation.argument is None:
                    return self._settle(transaction.connection, operation)
                settled = self._settle_jobs(transaction, operation, now=now)
                has_ended = settled.status != OperationStatus.IN_PROGRESS
                return self._settle(transaction.connection, settled) if has_ended else settled
            case "EnableJobCollection" | "DisableJobCollection" | "SetJobsState":
                return self._settle_jobs(transaction, operation, now=now)
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
        self._store.locks.of_jobs(transaction, [job.id for _, job in jobs])
        sites = self._sites(connection, service_id, operation, now=now)
        for collection, job in jobs:
            site = sites[collection]
            # The engine may have gone on with it until it was locked.
            now_locked = self._store.jobs.find(connection, site.collection.id, job.name)
            assert now_locked is not None, "jobs are deleted by who is alone in the subscription"
            self._job_changes.delete(transaction, site, now_locked)
        return len(jobs)

    def _sites(
        self, connection: Connection, service_id: int, operation: StoredOperation, *, now: datetime
    ) -> Mapping[str, Site]:
        return {
            collection.name: Site(
                subscription=operation.subscription,
                collection=collection,
                request_id=operation.id,
                now=now,
            )
            for collection in self._store.job_collections.list_of(connection, service_id)
        }

    def _settle_jobs(
        self, transaction: Transaction, operation: StoredOperation, *, now: datetime
    ) -> StoredOperation:
        """Bring some jobs into the state that they are to have in their collection as it is now."""
        connection, argument = transaction.connection, JobsArgument.decode(operation.argument)
        assert operation.job_collection_id is not None, "a collection's operation names it"
        site = self._site(connection, operation, now=now)
        if site is None:
            return failed(operation, 404, "ResourceNotFound", "The job collection was deleted.")
        if site.collection.is_deleting:
            return failed(operation, 409, "ConflictError", "The job collection is being deleted.")
        self._store.locks.following(
            transaction,
            operation.job_collection_id,
            after=argument.after,
            limit=JOBS_AT_ONCE,
        )
        jobs = self._store.jobs.following(
            connection, operation.job_collection_id, after=argument.after, limit=JOBS_AT_ONCE
        )
        for job in jobs:
            wanted = changed(job, argument.patch)
            # One that cannot be read cannot run either: the engine gives it up.
            if wanted is not None:
                self._job_changes.settle(transaction, site, job, wanted)
        if len(jobs) < JOBS_AT_ONCE:
            return succeeded(operation)
        return replace(operation, argument=replace(argument, after=jobs[-1].id).encode())

    def _site(
        self, connection: Connection, operation: StoredOperation, *, now: datetime
    ) -> Site | None:
        assert operation.cloud_service_id is not None, "what goes on after its answer has a target"
        assert operation.job_collection_id is not None, "a collection's operation names it"
        service = self._store.cloud_services.get(connection, operation.cloud_service_id)
        found = self._store.job_collections.get(connection, operation.job_collection_id)
        if service is None or found is None:
            return None
        return Site(
            subscription=operation.subscription,
            collection=replace(found, is_deleting=found.is_deleting or service.is_deleting),
            request_id=operation.id,
            now=now,
        )

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

    def give_up(self, connection: Connection, operation: StoredOperation) -> StoredOperation:
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


@dataclass(frozen=True, slots=True)
class JobsArgument:
    """What the steps for all jobs of a collection must know: `patch` is of each job, `after` the last that was done."""

    patch: JsonObject = field(default_factory=dict)
    after: int = 0

    def encode(self) -> str:
        return json.dumps({"patch": self.patch, "after": self.after})

    @classmethod
    def decode(cls, text: str | None) -> "JobsArgument":
        return cls(**json.loads(text or "{}"))


def changed(job: StoredJob, patch: JsonObject) -> Definition | None:
    """Return a stored job as `patch` wants it, None when it cannot be read."""
    try:
        wanted = read_stored(Job, merge(from_json(job.definition), patch))
    except InvalidRequestError:
        return None
    return stored_as(wanted, wanted.document())


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
