"""What each row of the ARM surface does, by the row's name."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TypeVar

from shared.scheduler.service.arm.api_versions import check_api_version
from shared.scheduler.service.arm.groups import ResourceGroups
from shared.scheduler.service.arm.job_collections import ArmCollections
from shared.scheduler.service.arm.malformed import malformed_job
from shared.scheduler.service.arm.provider import get_provider, register_provider
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.collection_states import CollectionStates
from shared.scheduler.service.containers import CloudServices, JobCollections
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.scheduler.service.jobs import Jobs
from shared.scheduler.store import SchedulerStore
from shared.sql.database import Transaction

T = TypeVar("T")


class ArmEndpoints:
    """Changes, queries, and what answers a caller who waited."""

    effects: Mapping[str, Callable[[Request], Effect]]
    queries: Mapping[str, Callable[[Request], Query]]
    outcomes: Mapping[str, Callable[[Request], Query]]

    def __init__(
        self,
        store: SchedulerStore,
        new_id: Callable[[], str],
        *,
        services: CloudServices,
        classic: JobCollections,
        states: CollectionStates,
        jobs: Jobs,
    ) -> None:
        """`jobs` has the form of this surface; what both do alike is done by the others."""
        groups = ResourceGroups(store, new_id, delete=services.delete)
        collections = ArmCollections(store, groups, new_id)
        effects: dict[str, Callable[[Request], Effect]] = {
            "CreateJobCollection": collections.create_or_update,
            "PatchJobCollection": collections.patch,
            "DeleteJobCollection": classic.delete,
            "EnableJobCollection": states.enable,
            "DisableJobCollection": states.disable,
            "CreateOrUpdateJob": told_as_malformed(jobs.create_or_update),
            "PatchJob": told_as_malformed(jobs.patch),
            "DeleteJob": jobs.delete,
            "RunJob": jobs.run,
            "CreateOrUpdateCloudService": groups.create_or_update,
            "DeleteCloudService": groups.delete,
            "RegisterResourceProvider": register_provider,
        }
        queries: dict[str, Callable[[Request], Query]] = {
            "ListJobCollectionsBySubscription": collections.list_all,
            "ListJobCollections": collections.list,
            "GetJobCollection": collections.get,
            "GetJob": jobs.get,
            "ListJobs": jobs.list,
            "GetJobHistory": jobs.history,
            "GetResourceProvider": get_provider,
            "ListCloudServices": groups.list,
            "GetCloudService": groups.get,
            "ProbeCloudService": groups.probe,
            "GetOperationResult": groups.result,
        }
        self.effects = {name: versioned(one) for name, one in effects.items()}
        self.queries = {name: versioned(one) for name, one in queries.items()}
        self.outcomes = {
            "CreateJobCollection": collections.created,
            "PatchJobCollection": collections.get,
            "DeleteJobCollection": states.done,
            "EnableJobCollection": states.done,
            "DisableJobCollection": states.done,
        }


def versioned(endpoint: Callable[[Request], T]) -> Callable[[Request], T]:
    """Have the version of a request checked before anything else of it."""

    @wraps(endpoint)
    def checked(request: Request) -> T:
        check_api_version(request.endpoint, request.query)
        return endpoint(request)

    return checked


def told_as_malformed(endpoint: Callable[[Request], Effect]) -> Callable[[Request], Effect]:
    """Have whatever is wrong with a job told in the words of this surface, wherever it is found."""

    @wraps(endpoint)
    def told(request: Request) -> Effect:
        with malformed_job():
            effect = endpoint(request)

        def change(transaction: Transaction) -> Answer:
            with malformed_job():
                return effect(transaction)

        return change

    return told
