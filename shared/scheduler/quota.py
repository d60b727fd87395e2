"""What plan and quota of a collection allow its jobs (contract/MODEL.md §8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from shared.errors import ConflictError, Fault, InvalidRequestError
from shared.scheduler.periods import shortest_period
from shared.wire.job import Job
from shared.wire.job_collection import (
    CollectionDefinition,
    JobCollection,
    MaxRecurrence,
    Plan,
)
from shared.wire.model import read_json
from shared.wire.recurrence import Recurrence
from shared.wire.retry_policy import RetryType
from shared.wire.times import format_time_span

# Of a subscription: properties of 2016 for the first four, the plans article for the last (OPEN-QUESTIONS 52).
MAX_COLLECTIONS = {
    Plan.FREE: 1,
    Plan.STANDARD: 100_000,
    Plan.PREMIUM: 100_000,
    Plan.P10_PREMIUM: 100_000,
    Plan.P20_PREMIUM: 10_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What each job and all jobs together may be."""

    max_jobs: int
    min_period: timedelta
    min_retry_interval: timedelta = timedelta(0)
    allows_authentication: bool = True


MINUTELY = timedelta(minutes=1)
PLANS = {
    Plan.FREE: Allowance(
        max_jobs=5,
        min_period=timedelta(hours=1),
        min_retry_interval=timedelta(hours=1),
        allows_authentication=False,
    ),
    Plan.STANDARD: Allowance(max_jobs=50, min_period=MINUTELY),
    Plan.PREMIUM: Allowance(max_jobs=50, min_period=MINUTELY),
    Plan.P10_PREMIUM: Allowance(max_jobs=50, min_period=MINUTELY),
    Plan.P20_PREMIUM: Allowance(max_jobs=1000, min_period=MINUTELY),
}


@lru_cache(maxsize=4096)
def allowance_of(definition: str) -> Allowance:
    """Return what a stored collection allows; `definition` is its JSON text."""
    return allowance(read_json(CollectionDefinition, definition.encode()))


def allowance(collection: JobCollection) -> Allowance:
    """Return the plan's allowance, tightened by the quota.

    Raises:
        InvalidRequestError: the quota exceeds the plan.
    """
    plan, quota = PLANS[collection.plan], collection.quota
    if quota is None:
        return plan
    max_jobs = quota.max_job_count or plan.max_jobs
    min_period = period(quota.max_recurrence) if quota.max_recurrence else plan.min_period
    faults = []
    if max_jobs > plan.max_jobs:
        found = f"is {max_jobs}; plan {collection.plan} allows {plan.max_jobs}"
        faults.append(Fault("$.quota.maxJobCount", found))
    if min_period < plan.min_period:
        found = f"is every {format_time_span(min_period)}; plan {collection.plan} allows every "
        faults.append(Fault("$.quota.maxRecurrence", found + format_time_span(plan.min_period)))
    if faults:
        raise InvalidRequestError(faults)
    return Allowance(
        max_jobs=max_jobs,
        min_period=min_period,
        min_retry_interval=plan.min_retry_interval,
        allows_authentication=plan.allows_authentication,
    )


def check_count(allowed: Allowance, *, present: int, added: int) -> None:
    """Raises ConflictError when the collection would have more jobs than it may."""
    if present + added > allowed.max_jobs:
        raise ConflictError(
            f"The job collection has {present} jobs; its plan and quota allow {allowed.max_jobs}.",
            code="Conflict",
        )


def check_job(job: Job, allowed: Allowance) -> None:
    """Raises ConflictError with everything about the job that its collection does not allow."""
    if reasons := list(refusals(job, allowed)):
        raise ConflictError("; ".join(reasons), code="Conflict")


def refusals(job: Job, allowed: Allowance) -> Iterator[str]:
    """Yield each thing that plan and quota do not allow, with its JSON path."""
    if job.recurrence is not None and period(job.recurrence) < allowed.min_period:
        yield (
            f"$.recurrence: is every {format_time_span(period(job.recurrence))}; plan and quota of "
            f"the job collection allow every {format_time_span(allowed.min_period)}"
        )
    policy = job.action.retry_policy
    is_retried = policy is not None and policy.retry_type is RetryType.FIXED
    retry_interval = policy.retry_interval if policy and is_retried else None
    if retry_interval is not None and retry_interval < allowed.min_retry_interval:
        yield (
            f"$.action.retryPolicy.retryInterval: is {format_time_span(retry_interval)}; the plan "
            f"allows {format_time_span(allowed.min_retry_interval)}"
        )
    if not allowed.allows_authentication:
        yield from authentications(job)


def authentications(job: Job) -> Iterator[str]:
    """Yield each outbound authentication: those of HTTP actions; the keys of queues are no such thing."""
    actions = ("$.action", job.action), ("$.action.errorAction", job.action.error_action)
    for path, action in actions:
        if action is not None and action.request is not None and action.request.authentication:
            yield f"{path}.request.authentication: the plan does not allow outbound authentication"


def period(recurrence: Recurrence | MaxRecurrence) -> timedelta:
    """Return the shortest time between two occurrences."""
    schedule = recurrence.schedule if isinstance(recurrence, Recurrence) else None
    return shortest_period(recurrence.frequency, recurrence.interval, schedule)
