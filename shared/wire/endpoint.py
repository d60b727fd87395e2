"""What the catalogue says of one endpoint of the Scheduler API."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from shared.wire.cloud_service import CloudService
from shared.wire.job import Job
from shared.wire.job_collection import JobCollection
from shared.wire.jobs_state import JobsState
from shared.wire.provider import Entitlement
from shared.wire.queries import CheckNameQuery, HistoryQuery, JobsQuery

RequestModel: TypeAlias = (
    type[CloudService] | type[JobCollection] | type[Job] | type[JobsState] | type[Entitlement]
)
QueryModel: TypeAlias = type[JobsQuery] | type[HistoryQuery] | type[CheckNameQuery]


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


class AfterUnknown(StrEnum):
    """What follows when nobody knows whether a request took effect, at a server that does not recognise repeats.

    `REPEAT` sends it again: it may take effect twice without harm, and what is gone by then was deleted by it, what is
    registered by then was registered by it. `VERIFY` looks at the resource first. `GIVE_UP` ends it as Failed.
    """

    REPEAT = "repeat"
    VERIFY = "verify"
    GIVE_UP = "give_up"


# A cloud service is not one: it shows all of its collections.
ONE = frozenset({ResponseKind.JOB, ResponseKind.JOB_COLLECTION, ResponseKind.OPERATION})
CHECK_NAME = ("op", "checknameavailability")
JOBS_OF = "/JobCollections/{job_collection}/jobs"
GOES_ON = 202


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One line of the table; `path` is below the subscription, `resource` is what commands and events call it.

    An asynchronous one is answered 202 and polled; one that `waits` goes on in steps too and is answered at their end,
    or 202 when that takes too long. A conditional one takes `If-Match`. `suffix` ends the connector's route of what is
    asked of a resource without being the resource: commands and order know it by the resource alone. The connector's
    method is `route_method` where it is not that of the Scheduler. `request_model` is the body that its command has, a
    merge patch where it `merges`, `query_model` the query. `selector` is the member of the query, with its value, that
    tells it from others of the same method and path; `sends` are further members that each request has, the names of
    the resource filled in. One that `shares_path` is a request to the Scheduler that another row stands for there. What
    is `arm_only` the retired service offered on ARM alone; ours answers it on the classic path too, in JSON.
    """

    name: str
    method: str
    path: str
    resource: str
    suffix: str = ""
    route_method: str | None = None
    success: frozenset[int]
    response: ResponseKind = ResponseKind.NOTHING
    request_model: RequestModel | None = None
    query_model: QueryModel | None = None
    merges: bool = False
    asynchronous: bool = False
    conditional: bool = False
    waits: bool = False
    surface: Surface = Surface.CLASSIC
    selector: tuple[str, str] | None = None
    sends: tuple[tuple[str, str], ...] = ()
    shares_path: bool = False
    arm_only: bool = False
    after_unknown: AfterUnknown = AfterUnknown.REPEAT

    @property
    def route(self) -> str:
        """The path at the connector."""
        return f"{self.resource}{self.suffix}"

    @property
    def verb(self) -> str:
        """The method at the connector."""
        return self.route_method or self.method

    @property
    def is_read(self) -> bool:
        return self.method in ("GET", "HEAD") or self.selector == CHECK_NAME

    @property
    def reads_one(self) -> bool:
        """Whether it reads one resource, however many are stored."""
        return self.is_read and self.response in ONE

    @property
    def is_xml(self) -> bool:
        """Whether bodies are XML: what the front end answers itself, and collections; jobs speak JSON, and what was
        only ARM's."""
        is_classic = self.surface is Surface.CLASSIC and not self.arm_only
        return is_classic and JOBS_OF not in self.path

    def goes_on(self, status: int) -> bool:
        """Whether an answer says that the request was taken and is to be polled."""
        return (self.asynchronous or self.waits) and status == GOES_ON

    def is_success(self, status: int) -> bool:
        return status in self.success or self.goes_on(status)
