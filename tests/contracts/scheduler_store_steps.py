"""What the parts of the scheduler store contract share."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from shared.scheduler.store import (
    SchedulerStore,
    StoredCloudService,
    StoredJob,
    StoredJobCollection,
)
from shared.sql.database import Database
from shared.wire.job import JobState

Value = TypeVar("Value")

SERVICE = StoredCloudService(name="Cs1", etag="e1", definition='{"label":"l"}')
COLLECTION = StoredJobCollection(
    cloud_service_id=1,
    cloud_service="Cs1",
    name="Jc1",
    etag="e1",
    plan="Free",
    definition="{}",
    operation_type="Create",
    operation_result="InProgress",
)
JOB = StoredJob(name="Nightly", state=JobState.ENABLED, definition='{"a":1}')


async def do(database: Database, work: Callable[[Connection], Value]) -> Value:
    return await database.run(lambda transaction: work(transaction.connection))


class SchedulerStoreSteps:
    """A subclass provides the fixtures `store` and `database`."""

    @pytest.fixture
    async def filled(self, store: SchedulerStore, database: Database) -> SchedulerStore:
        """A service, a collection and a job."""
        service_id = await do(database, lambda c: store.cloud_services.insert(c, "s", SERVICE))
        collection = replace(COLLECTION, cloud_service_id=service_id)
        collection_id = await do(database, lambda c: store.job_collections.insert(c, collection))
        job_id = await do(database, lambda c: store.jobs.insert(c, collection_id, JOB))
        assert (service_id, collection_id, job_id) == (1, 1, 1)
        return store
