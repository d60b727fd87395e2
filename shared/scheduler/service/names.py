"""Finding what a request names, or saying that it is not there."""

from dataclasses import dataclass

from sqlalchemy import Connection

from shared.errors import ConflictError, NotFoundError
from shared.scheduler.announcements import JobPath
from shared.scheduler.service.arm.gateway_errors import collection_not_found, group_not_found
from shared.scheduler.service.exchange import Request
from shared.scheduler.store import SchedulerStore, StoredCloudService, StoredJobCollection
from shared.wire.endpoint import Surface


@dataclass(frozen=True, slots=True)
class NamedCollection:
    """The names of a collection and of what it is in, as their creators wrote them."""

    cloud_service: str
    name: str


def named(found: StoredJobCollection) -> NamedCollection:
    return NamedCollection(found.cloud_service, found.name)


def path_of(request: Request, job: str) -> JobPath:
    """Return the names of a job, the containers' as the request has them."""
    return JobPath(
        subscription=request.subscription,
        cloud_service=request.params["cloud_service"],
        job_collection=request.params["job_collection"],
        job=job,
    )


def find_cloud_service(
    store: SchedulerStore, connection: Connection, request: Request
) -> StoredCloudService:
    """Raises NotFoundError."""
    name = request.params["cloud_service"]
    found = store.cloud_services.find(connection, request.subscription, name)
    if found is None:
        raise cloud_service_not_found(request)
    return found


def find_job_collection(
    store: SchedulerStore, connection: Connection, request: Request
) -> StoredJobCollection:
    """Raises NotFoundError."""
    service, name = request.params["cloud_service"], request.params["job_collection"]
    found = store.job_collections.find(connection, request.subscription, service, name)
    if found is None:
        raise job_collection_not_found(request)
    return found


def cloud_service_not_found(request: Request) -> NotFoundError:
    name = request.params["cloud_service"]
    if request.endpoint.surface is Surface.ARM:
        return group_not_found(name)
    return NotFoundError(f"The cloud service '{name}' was not found.")


def job_collection_not_found(request: Request) -> NotFoundError:
    service, name = request.params["cloud_service"], request.params["job_collection"]
    if request.endpoint.surface is Surface.ARM:
        return collection_not_found(service, name)
    return NotFoundError(
        f"The job collection '{name}' was not found in the cloud service '{service}'."
    )


def check_stays(row: StoredCloudService | StoredJobCollection) -> None:
    """Raises ConflictError when it is being deleted."""
    if row.is_deleting:
        raise ConflictError(f"'{row.name}' or what contains it is being deleted.")
