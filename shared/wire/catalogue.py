"""Everything about every endpoint of the Scheduler API that we offer: one row each.

The rows here are those that the connector offers too: from them come its routes, the commands and the REST client. With
the rows of `classic_catalogue` and `arm_catalogue` they are what the service answers: its router, and OpenAPI.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from shared.wire.cloud_service import CloudService
from shared.wire.job import Job
from shared.wire.job_collection import JobCollection

RequestModel: TypeAlias = type[CloudService] | type[JobCollection] | type[Job]


class Surface(StrEnum):
    """The two APIs over one store: Service Management, and Azure Resource Manager."""

    CLASSIC = "classic"
    ARM = "arm"


class ResponseKind(StrEnum):
    """What the body of a success holds."""

    NOTHING = "nothing"
    CLOUD_SERVICE = "cloud_service"
    CLOUD_SERVICES = "cloud_services"
    JOB_COLLECTION = "job_collection"
    JOB = "job"
    JOBS = "jobs"
    JOB_HISTORY = "job_history"
    OPERATION = "operation"
    PROVIDER_PROPERTIES = "provider_properties"
    NAME_AVAILABILITY = "name_availability"
    MANAGEMENT_CERTIFICATE = "management_certificate"
    MANAGEMENT_CERTIFICATES = "management_certificates"
    JOB_COLLECTIONS = "job_collections"
    RESOURCE_PROVIDER = "resource_provider"
    RESOURCE_GROUP = "resource_group"
    RESOURCE_GROUPS = "resource_groups"


# A cloud service is not one: it shows all of its collections.
ONE = frozenset({ResponseKind.JOB, ResponseKind.JOB_COLLECTION, ResponseKind.OPERATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One line of the table; `path` is below the subscription, `resource` is what commands and events call it.

    An asynchronous one is answered 202 and polled; one that `waits` goes on in steps too and is answered at their end.
    A conditional one takes `If-Match`. `suffix` ends the connector's route of what is asked of a resource without being
    the resource: commands and order know it by the resource alone. `request_model` is the body that its command has.
    `selector` is the member of the query, with its value, that tells it from others of the same method and path.
    """

    name: str
    method: str
    path: str
    resource: str
    suffix: str = ""
    success: frozenset[int]
    response: ResponseKind = ResponseKind.NOTHING
    request_model: RequestModel | None = None
    asynchronous: bool = False
    conditional: bool = False
    waits: bool = False
    surface: Surface = Surface.CLASSIC
    selector: tuple[str, str] | None = None

    @property
    def route(self) -> str:
        """The path at the connector."""
        return f"{self.resource}{self.suffix}"

    @property
    def is_read(self) -> bool:
        return self.method in ("GET", "HEAD") or self.selector == CHECK_NAME

    @property
    def reads_one(self) -> bool:
        """Whether it reads one resource, however many are stored."""
        return self.is_read and self.response in ONE

    @property
    def is_xml(self) -> bool:
        """Whether bodies are XML: what the front end answers itself, and collections; only jobs speak JSON."""
        return self.surface is Surface.CLASSIC and not self.path.startswith((JOBS, FRONT_END_JOBS))


CLOUD_SERVICE = "/cloudservices/{cloud_service}"
PASSED_THROUGH = f"{CLOUD_SERVICE}/resources/scheduler/~/JobCollections/{{job_collection}}"
FRONT_END = f"{CLOUD_SERVICE}/resources/scheduler/JobCollections/{{job_collection}}"
COLLECTIONS = f"{CLOUD_SERVICE}/resources/scheduler/JobCollections"
JOBS = f"{PASSED_THROUGH}/jobs"
FRONT_END_JOBS = f"{FRONT_END}/jobs"
JOB = f"{JOBS}/{{job}}"
RUN, HISTORY = "/run", "/history"
JOB_COLLECTION_RESOURCE = f"{CLOUD_SERVICE}/jobcollections/{{job_collection}}"
JOBS_RESOURCE = f"{JOB_COLLECTION_RESOURCE}/jobs"
JOB_RESOURCE = f"{JOBS_RESOURCE}/{{job}}"
OPERATION = "/operations/{operation}"
CHECK_NAME = ("op", "checknameavailability")

OK, CREATED, ACCEPTED = frozenset({200}), frozenset({201}), frozenset({202})

ROWS = (
    Endpoint(
        name="CreateOrUpdateCloudService",
        method="PUT",
        path=CLOUD_SERVICE,
        resource=CLOUD_SERVICE,
        success=ACCEPTED,
        request_model=CloudService,
        asynchronous=True,
    ),
    Endpoint(
        name="GetCloudService",
        method="GET",
        path=CLOUD_SERVICE,
        resource=CLOUD_SERVICE,
        success=OK,
        response=ResponseKind.CLOUD_SERVICE,
    ),
    Endpoint(
        name="ListCloudServices",
        method="GET",
        path="/cloudservices",
        resource="/cloudservices",
        success=OK,
        response=ResponseKind.CLOUD_SERVICES,
    ),
    Endpoint(
        name="DeleteCloudService",
        method="DELETE",
        path=CLOUD_SERVICE,
        resource=CLOUD_SERVICE,
        success=ACCEPTED,
        asynchronous=True,
    ),
    Endpoint(
        name="CreateJobCollection",
        method="PUT",
        path=FRONT_END,
        resource=JOB_COLLECTION_RESOURCE,
        success=ACCEPTED,
        request_model=JobCollection,
        asynchronous=True,
        conditional=True,
    ),
    Endpoint(
        name="GetJobCollection",
        method="GET",
        path=PASSED_THROUGH,
        resource=JOB_COLLECTION_RESOURCE,
        success=OK,
        response=ResponseKind.JOB_COLLECTION,
    ),
    Endpoint(
        name="DeleteJobCollection",
        method="DELETE",
        path=FRONT_END,
        resource=JOB_COLLECTION_RESOURCE,
        success=ACCEPTED,
        asynchronous=True,
    ),
    Endpoint(
        name="CreateJob",
        method="POST",
        path=JOBS,
        resource=JOBS_RESOURCE,
        success=CREATED,
        response=ResponseKind.JOB,
        request_model=Job,
    ),
    Endpoint(
        name="CreateOrUpdateJob",
        method="PUT",
        path=JOB,
        resource=JOB_RESOURCE,
        success=OK | CREATED,
        response=ResponseKind.JOB,
        request_model=Job,
    ),
    Endpoint(
        name="GetJob",
        method="GET",
        path=JOB,
        resource=JOB_RESOURCE,
        success=OK,
        response=ResponseKind.JOB,
    ),
    Endpoint(
        name="ListJobs",
        method="GET",
        path=JOBS,
        resource=JOBS_RESOURCE,
        success=OK,
        response=ResponseKind.JOBS,
    ),
    Endpoint(
        name="PatchJob",
        method="PATCH",
        path=JOB,
        resource=JOB_RESOURCE,
        success=OK,
        response=ResponseKind.JOB,
        request_model=Job,
    ),
    Endpoint(name="DeleteJob", method="DELETE", path=JOB, resource=JOB_RESOURCE, success=OK),
    # Only ARM had it; ours answers it on the classic path too.
    Endpoint(
        name="RunJob",
        method="POST",
        path=f"{JOB}{RUN}",
        resource=JOB_RESOURCE,
        suffix=RUN,
        success=OK,
    ),
    Endpoint(
        name="GetJobHistory",
        method="GET",
        path=f"{JOB}{HISTORY}",
        resource=JOB_RESOURCE,
        suffix=HISTORY,
        success=OK,
        response=ResponseKind.JOB_HISTORY,
    ),
    Endpoint(
        name="GetOperationStatus",
        method="GET",
        path=OPERATION,
        resource=OPERATION,
        success=OK,
        response=ResponseKind.OPERATION,
    ),
)

CATALOGUE: Mapping[str, Endpoint] = MappingProxyType({row.name: row for row in ROWS})
