"""What a collection's plan must fit: the other collections of its subscription, and the jobs that are in it."""

import json

from sqlalchemy import Connection

from shared.errors import AuthenticationError
from shared.scheduler.quota import MAX_FREE_COLLECTIONS, allowance, check_count, check_job
from shared.scheduler.store import SchedulerStore, StoredJobCollection
from shared.wire.job import Job
from shared.wire.job_collection import JobCollection, Plan
from shared.wire.model import read_stored

PAGE = 1000


def check_plan(
    store: SchedulerStore,
    connection: Connection,
    subscription: str,
    *,
    wanted: JobCollection,
    found: StoredJobCollection | None,
) -> None:
    """Raises AuthenticationError when the subscription has as many free collections as it may, without `found`."""
    if wanted.plan is not Plan.FREE or (found is not None and found.plan == Plan.FREE):
        return
    if store.job_collections.count_plan(connection, subscription, Plan.FREE) < MAX_FREE_COLLECTIONS:
        return
    raise AuthenticationError(
        "The subscription has a Free job collection already.", code="ForbiddenError"
    )


def check_jobs(
    store: SchedulerStore,
    connection: Connection,
    found: StoredJobCollection,
    wanted: JobCollection,
) -> None:
    """Refuse a plan or quota that the jobs which are there would break.

    Raises:
        ConflictError.
    """
    allowed = allowance(wanted)
    jobs = store.jobs.list(connection, found.id, state=None, skip=0, top=PAGE)
    check_count(allowed, present=len(jobs), added=0)
    for job in jobs:
        check_job(read_stored(Job, json.loads(job.definition)), allowed)
