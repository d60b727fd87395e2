"""What a collection's plan must fit: the other collections of its subscription, and the jobs that are in it."""

import json
import logging

from sqlalchemy import Connection

from shared.errors import AuthenticationError
from shared.scheduler.quota import MAX_COLLECTIONS, PLANS, allowance, check_count, check_job
from shared.scheduler.store import SchedulerStore, StoredJobCollection
from shared.wire.job import Job
from shared.wire.job_collection import JobCollection
from shared.wire.model import read_stored

logger = logging.getLogger(__name__)

MOST_JOBS = max(plan.max_jobs for plan in PLANS.values())
BLOCKED = "The resource is blocked to recieve any updates."


def check_plan(
    store: SchedulerStore,
    connection: Connection,
    subscription: str,
    *,
    wanted: JobCollection,
    found: StoredJobCollection | None,
) -> None:
    """Raises AuthenticationError when the subscription has as many collections of the plan as it may, without `found`.

    In the words that the retired service had for it (OPEN-QUESTIONS 10); why is told in the log.
    """
    if found is not None and found.plan == wanted.plan:
        return
    most = MAX_COLLECTIONS[wanted.plan]
    present = store.job_collections.count_plan(connection, subscription, wanted.plan)
    if present >= most:
        reason = f"{present} job collections of plan {wanted.plan}, of {most} that it may have"
        logger.info("collection refused", extra={"action": "check plan", "reason": reason})
        raise AuthenticationError(BLOCKED, code="ForbiddenError")


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
    jobs = store.jobs.list(connection, found.id, state=None, skip=0, top=MOST_JOBS)
    check_count(allowed, present=len(jobs), added=0)
    for job in jobs:
        check_job(read_stored(Job, json.loads(job.definition)), allowed)
