"""The ports to what the Scheduler service stores.

All of them are plain functions of a connection, since one transaction changes a resource, records the operation that
did it and wakes what follows. Names are found ignoring case and keep the case of whoever made them. `definition` is the
normalised JSON text of the resource, the secrets in it sealed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from shared.messaging.work import WorkRows
from shared.scheduler.announcements import JobPath
from shared.scheduler.execution_store import (
    ExecutionStore,
    HistoryStore,
    JobLocks,
    ProgressStore,
    TimingStore,
)
from shared.wire.endpoint import Surface
from shared.wire.job import JobState, JobStatus
from shared.wire.job_collection import JobCollectionState


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCloudService:
    """`id` is 0 until it is inserted; `is_deleting` from the acceptance of its deletion on."""

    id: int = 0
    name: str
    etag: str
    definition: str
    is_deleting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJobCollection:
    """`operation_type` and `operation_result` tell of its last asynchronous change, with the error if that failed.

    While it is stopped (`state`), its jobs have no occurrences. `surface` is the one through which it was made.
    `cloud_service` is the name of what it is in, as it was made; known of a collection that was read.
    """

    id: int = 0
    cloud_service_id: int
    cloud_service: str = ""
    name: str
    etag: str
    plan: str
    definition: str
    operation_type: str
    operation_result: str
    error_message: str | None = None
    is_deleting: bool = False
    state: JobCollectionState = JobCollectionState.STARTED
    surface: Surface = Surface.CLASSIC


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """A job of a collection; its `state` counts, not the one in `definition`, which is the caller's.

    `id` is 0 until it is inserted; `status` is the engine's to change. One that `is_held` is disabled because its
    collection is stopped, and enabled with it again. The last four tell how far its plan is: see `Progress` and
    `Timing`; `has_executions` when one of its has not ended.
    """

    id: int = 0
    name: str
    state: JobState
    definition: str = field(repr=False)
    status: JobStatus = JobStatus()
    is_held: bool = False
    generation: int = 0
    claimed: int = 0
    open_skip: int | None = None
    has_executions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOperation:
    """A change that was answered, by its `x-ms-request-id`.

    `status` is the word of Get Operation Status. `request_fingerprint` is there when the request may come again: it is
    then answered again by `answer_status`, `answer_etag` and `answer_body`. The targets are there when it goes on
    after its answer, and `argument` is what else its steps must know. It is forgotten at `kept_until`.
    """

    id: str
    subscription: str
    endpoint: str
    status: str
    answer_status: int
    answer_etag: str | None = None
    answer_body: bytes | None = field(default=None, repr=False)
    error_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    request_fingerprint: str | None = None
    cloud_service_id: int | None = None
    job_collection_id: int | None = None
    argument: str | None = None
    kept_until: datetime


class CloudServiceStore(Protocol):
    """The cloud services of each subscription."""

    def find(
        self, connection: Connection, subscription: str, name: str
    ) -> StoredCloudService | None:
        """Return the cloud service of that name."""

    def get(self, connection: Connection, id: int) -> StoredCloudService | None:
        """Return the cloud service of this id."""

    def list(self, connection: Connection, subscription: str) -> Sequence[StoredCloudService]:
        """Return all of a subscription, by name."""

    def insert(self, connection: Connection, subscription: str, row: StoredCloudService) -> int:
        """Add it and return its id, which is never given again."""

    def update(self, connection: Connection, row: StoredCloudService) -> bool:
        """Replace everything but its name; False when it is gone."""

    def delete(self, connection: Connection, id: int) -> None:
        """Remove it and its collections, which must be empty of jobs."""


class JobCollectionStore(Protocol):
    """The job collections of each cloud service."""

    def find(
        self, connection: Connection, subscription: str, cloud_service: str, name: str
    ) -> StoredJobCollection | None:
        """Return the collection of these names; it is deleting when its cloud service is."""

    def get(self, connection: Connection, id: int) -> StoredJobCollection | None:
        """Return the collection of this id."""

    def list(self, connection: Connection, subscription: str) -> Sequence[StoredJobCollection]:
        """Return all of a subscription, by name."""

    def list_of(
        self, connection: Connection, cloud_service_id: int
    ) -> Sequence[StoredJobCollection]:
        """Return all of a cloud service, by name."""

    def insert(self, connection: Connection, row: StoredJobCollection) -> int:
        """Add it and return its id, which is never given again."""

    def update(self, connection: Connection, row: StoredJobCollection) -> bool:
        """Replace everything but its name and cloud service; False when it is gone."""

    def delete(self, connection: Connection, id: int) -> None:
        """Remove it; it must be empty of jobs."""

    def count_plan(self, connection: Connection, subscription: str, plan: str) -> int:
        """Return how many collections of a subscription have this plan."""


class JobStore(Protocol):
    """The jobs of each collection."""

    def find(self, connection: Connection, job_collection_id: int, name: str) -> StoredJob | None:
        """Return the job of that name."""

    def at(
        self, connection: Connection, path: JobPath
    ) -> tuple[StoredJobCollection, StoredJob | None] | None:
        """Return what `JobCollectionStore.find` does, and its job of that name; None without the collection."""

    def list(
        self,
        connection: Connection,
        job_collection_id: int,
        *,
        state: JobState | None,
        skip: int,
        top: int,
    ) -> Sequence[StoredJob]:
        """Return up to `top` jobs after the first `skip`, by name; None stands for any state."""

    def following(
        self, connection: Connection, job_collection_id: int, *, after: int, limit: int
    ) -> Sequence[StoredJob]:
        """Return up to `limit` jobs whose id is greater than `after`, in the order of their ids."""

    def insert(self, connection: Connection, job_collection_id: int, row: StoredJob) -> int:
        """Add a job, of whose name there must be none, and return its id, which is never given again."""

    def update(self, connection: Connection, job_collection_id: int, row: StoredJob) -> None:
        """Replace state, definition and whether it is held."""

    def delete(self, connection: Connection, job_collection_id: int, name: str) -> bool:
        """Remove the job; False when there is none of that name."""

    def count(self, connection: Connection, job_collection_id: int) -> int:
        """Return how many jobs the collection has."""

    def some(
        self,
        connection: Connection,
        *,
        cloud_service_id: int,
        job_collection_id: int | None,
        limit: int,
    ) -> Sequence[tuple[str, StoredJob]]:
        """Return up to `limit` jobs of a collection, or of a cloud service, each with its collection's name."""

    def delete_history(
        self,
        connection: Connection,
        *,
        cloud_service_id: int,
        job_collection_id: int | None,
        limit: int,
    ) -> int:
        """Remove up to `limit` records of the jobs of a collection, or of a cloud service; returns how many."""


class OperationStore(Protocol):
    """What was answered, and what goes on after its answer."""

    def find(self, connection: Connection, id: str) -> StoredOperation | None:
        """Return the operation of this request id."""

    def insert(self, connection: Connection, row: StoredOperation) -> None:
        """Add an operation; there must be none of that id."""

    def update(self, connection: Connection, row: StoredOperation) -> None:
        """Set status, error, argument and answer as in `row`."""

    def prune(self, connection: Connection, *, now: datetime, limit: int) -> int:
        """Forget up to `limit` operations whose time has come, never one in progress; returns how many."""


class RegistrationStore(Protocol):
    """The resource types that subscriptions have registered."""

    def add(self, connection: Connection, subscription: str, resource_type: str) -> bool:
        """Register a type; False when it already was."""

    def remove(self, connection: Connection, subscription: str, resource_type: str) -> bool:
        """Forget a type; False when it was not registered."""


@dataclass(frozen=True, slots=True)
class SchedulerStore:
    """Everything service and engine store, and the mechanism by which operations and executions go on."""

    cloud_services: CloudServiceStore
    job_collections: JobCollectionStore
    jobs: JobStore
    operations: OperationStore
    work: WorkRows
    timings: TimingStore
    locks: JobLocks
    progress: ProgressStore
    executions: ExecutionStore
    execution_work: WorkRows
    history: HistoryStore
    registrations: RegistrationStore
