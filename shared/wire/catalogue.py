"""Everything about every endpoint of the Scheduler API that we offer: one row each.

The rows here are those that the connector offers too: from them come its routes, the commands and the REST client. With
the rows of `classic_catalogue` and `arm_catalogue` they are what the service answers: its router, and OpenAPI.
"""

from collections.abc import Mapping
from types import MappingProxyType

from shared.wire.cloud_service import CloudService
from shared.wire.endpoint import CHECK_NAME, AfterUnknown, Endpoint, ResponseKind
from shared.wire.job import Job
from shared.wire.job_collection import JobCollection
from shared.wire.jobs_state import JobsState
from shared.wire.provider import TYPE, Entitlement
from shared.wire.queries import CheckNameQuery, HistoryQuery, JobsQuery

CLOUD_SERVICE = "/cloudservices/{cloud_service}"
PASSED_THROUGH = f"{CLOUD_SERVICE}/resources/scheduler/~/JobCollections/{{job_collection}}"
FRONT_END = f"{CLOUD_SERVICE}/resources/scheduler/JobCollections/{{job_collection}}"
COLLECTIONS = f"{CLOUD_SERVICE}/resources/scheduler/JobCollections"
JOBS = f"{PASSED_THROUGH}/jobs"
FRONT_END_JOBS = f"{FRONT_END}/jobs"
JOB = f"{JOBS}/{{job}}"
RUN, HISTORY = "/run", "/history"
JOB_COLLECTION_RESOURCE = f"{CLOUD_SERVICE}/jobcollections/{{job_collection}}"
JOB_COLLECTIONS_RESOURCE = f"{CLOUD_SERVICE}/jobcollections"
JOBS_RESOURCE = f"{JOB_COLLECTION_RESOURCE}/jobs"
JOB_RESOURCE = f"{JOBS_RESOURCE}/{{job}}"
PROVIDER_RESOURCE = "/providers/{provider}"
OPERATION = "/operations/{operation}"
SERVICE = (("service", f"{{provider}}.{TYPE}"),)
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
    # A purchase: nothing shows whether it was taken.
    Endpoint(
        name="EntitleResource",
        method="POST",
        path="/EntitleResource",
        resource="/entitlements",
        success=ACCEPTED,
        request_model=Entitlement,
        after_unknown=AfterUnknown.GIVE_UP,
    ),
    Endpoint(
        name="RegisterResourceProvider",
        method="PUT",
        path="/services",
        resource=PROVIDER_RESOURCE,
        suffix="/register",
        route_method="POST",
        success=OK,
        selector=("action", "register"),
        sends=SERVICE,
    ),
    Endpoint(
        name="UnregisterResourceProvider",
        method="PUT",
        path="/services",
        resource=PROVIDER_RESOURCE,
        suffix="/unregister",
        route_method="POST",
        success=OK,
        selector=("action", "unregister"),
        sends=SERVICE,
    ),
    Endpoint(
        name="GetResourceProviderProperties",
        method="GET",
        path="/resourceproviders/{provider}/Properties",
        resource=PROVIDER_RESOURCE,
        suffix="/properties",
        success=OK,
        response=ResponseKind.PROVIDER_PROPERTIES,
        sends=(("resourceType", TYPE),),
    ),
    Endpoint(
        name="GetResourceProvider",
        method="GET",
        path="/resourceproviders/{provider}",
        resource=PROVIDER_RESOURCE,
        success=OK,
        response=ResponseKind.RESOURCE_PROVIDER,
        arm_only=True,
    ),
    Endpoint(
        name="CreateJobCollection",
        method="PUT",
        path=FRONT_END,
        resource=JOB_COLLECTION_RESOURCE,
        success=ACCEPTED,
        request_model=JobCollection,
        asynchronous=True,
    ),
    Endpoint(
        name="UpdateJobCollection",
        method="PUT",
        path=FRONT_END,
        resource=JOB_COLLECTION_RESOURCE,
        success=ACCEPTED,
        request_model=JobCollection,
        asynchronous=True,
        conditional=True,
        shares_path=True,
        after_unknown=AfterUnknown.VERIFY,
    ),
    Endpoint(
        name="PatchJobCollection",
        method="PATCH",
        path=PASSED_THROUGH,
        resource=JOB_COLLECTION_RESOURCE,
        success=OK,
        response=ResponseKind.JOB_COLLECTION,
        request_model=JobCollection,
        merges=True,
        arm_only=True,
    ),
    Endpoint(
        name="GetJobCollection",
        method="GET",
        path=PASSED_THROUGH,
        resource=JOB_COLLECTION_RESOURCE,
        success=OK,
        response=ResponseKind.JOB_COLLECTION,
    ),
    # The classic surface shows collections only in their cloud service.
    Endpoint(
        name="ListJobCollections",
        method="GET",
        path=CLOUD_SERVICE,
        resource=JOB_COLLECTIONS_RESOURCE,
        success=OK,
        response=ResponseKind.JOB_COLLECTIONS,
        shares_path=True,
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
        name="CheckJobCollectionName",
        method="GET",
        path=COLLECTIONS,
        resource=CLOUD_SERVICE,
        suffix="/checknameavailability",
        success=OK,
        response=ResponseKind.NAME_AVAILABILITY,
        query_model=CheckNameQuery,
        selector=CHECK_NAME,
    ),
    Endpoint(
        name="EnableJobCollection",
        method="POST",
        path=f"{PASSED_THROUGH}/enable",
        resource=JOB_COLLECTION_RESOURCE,
        suffix="/enable",
        success=OK,
        waits=True,
        arm_only=True,
    ),
    Endpoint(
        name="DisableJobCollection",
        method="POST",
        path=f"{PASSED_THROUGH}/disable",
        resource=JOB_COLLECTION_RESOURCE,
        suffix="/disable",
        success=OK,
        waits=True,
        arm_only=True,
    ),
    Endpoint(
        name="CreateJob",
        method="POST",
        path=JOBS,
        resource=JOBS_RESOURCE,
        success=CREATED,
        response=ResponseKind.JOB,
        request_model=Job,
        after_unknown=AfterUnknown.VERIFY,
    ),
    Endpoint(
        name="CreateOrUpdateJob",
        method="PUT",
        path=JOB,
        resource=JOB_RESOURCE,
        success=OK | CREATED,
        response=ResponseKind.JOB,
        request_model=Job,
        after_unknown=AfterUnknown.VERIFY,
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
        query_model=JobsQuery,
    ),
    Endpoint(
        name="PatchJob",
        method="PATCH",
        path=JOB,
        resource=JOB_RESOURCE,
        success=OK,
        response=ResponseKind.JOB,
        request_model=Job,
        merges=True,
    ),
    Endpoint(
        name="SetJobsState",
        method="PATCH",
        path=JOBS,
        resource=JOBS_RESOURCE,
        success=OK,
        response=ResponseKind.JOBS,
        request_model=JobsState,
        waits=True,
    ),
    Endpoint(
        name="DeleteJob",
        method="DELETE",
        path=JOB,
        resource=JOB_RESOURCE,
        success=OK,
    ),
    Endpoint(
        name="RunJob",
        method="POST",
        path=f"{JOB}{RUN}",
        resource=JOB_RESOURCE,
        suffix=RUN,
        success=OK,
        arm_only=True,
        after_unknown=AfterUnknown.GIVE_UP,
    ),
    Endpoint(
        name="GetJobHistory",
        method="GET",
        path=f"{JOB}{HISTORY}",
        resource=JOB_RESOURCE,
        suffix=HISTORY,
        success=OK,
        response=ResponseKind.JOB_HISTORY,
        query_model=HistoryQuery,
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
