"""The rows of the ARM surface; a resource group is the cloud service of the same name (contract section B.1).

`path` is below `/subscriptions/{subscription}`. Rows of the same name on both surfaces do the same.
"""

from dataclasses import replace

from shared.wire.catalogue import (
    ACCEPTED,
    CLOUD_SERVICE,
    CREATED,
    JOB_COLLECTION_RESOURCE,
    JOB_RESOURCE,
    JOBS_RESOURCE,
    OK,
)
from shared.wire.endpoint import Endpoint, ResponseKind, Surface

PROVIDER = "/providers/Microsoft.Scheduler"
GROUP = "/resourceGroups/{cloud_service}"
COLLECTION = f"{GROUP}{PROVIDER}/jobCollections/{{job_collection}}"
JOB = f"{COLLECTION}/jobs/{{job}}"
OPERATION_RESULT = "/operationresults/{operation_result}"
NO_CONTENT = frozenset({204})
PREVIEW = "2014-08-01-preview"
API_VERSIONS = ("2016-03-01", "2016-01-01", PREVIEW)
"""Of Scheduler, newest first, as the provider's own metadata lists them."""


def row(
    name: str,
    request: str,
    resource: str,
    response: ResponseKind = ResponseKind.NOTHING,
    *,
    success: frozenset[int] = OK,
    waits: bool = False,
) -> Endpoint:
    """Return a row of this surface; `request` is method and path."""
    method, path = request.split()
    return Endpoint(
        name=name,
        method=method,
        path=path,
        resource=resource,
        success=success,
        response=response,
        waits=waits,
        surface=Surface.ARM,
    )


def is_of_scheduler(endpoint: Endpoint) -> bool:
    """Whether Scheduler itself answers a row of this surface, and not the gateway: what is below its namespace."""
    return "/jobCollections" in endpoint.path


ARM_ROWS = (
    row(
        "ListJobCollectionsBySubscription",
        f"GET {PROVIDER}/jobCollections",
        "/cloudservices",
        ResponseKind.JOB_COLLECTIONS,
    ),
    row(
        "ListJobCollections",
        f"GET {GROUP}{PROVIDER}/jobCollections",
        CLOUD_SERVICE,
        ResponseKind.JOB_COLLECTIONS,
    ),
    row(
        "GetJobCollection",
        f"GET {COLLECTION}",
        JOB_COLLECTION_RESOURCE,
        ResponseKind.JOB_COLLECTION,
    ),
    # Recorded 201 on every PUT, update or not (contract, OPEN-QUESTIONS 40).
    row(
        "CreateJobCollection",
        f"PUT {COLLECTION}",
        JOB_COLLECTION_RESOURCE,
        ResponseKind.JOB_COLLECTION,
        success=CREATED,
        waits=True,
    ),
    row(
        "PatchJobCollection",
        f"PATCH {COLLECTION}",
        JOB_COLLECTION_RESOURCE,
        ResponseKind.JOB_COLLECTION,
        waits=True,
    ),
    row("DeleteJobCollection", f"DELETE {COLLECTION}", JOB_COLLECTION_RESOURCE, waits=True),
    row("EnableJobCollection", f"POST {COLLECTION}/enable", JOB_COLLECTION_RESOURCE, waits=True),
    row("DisableJobCollection", f"POST {COLLECTION}/disable", JOB_COLLECTION_RESOURCE, waits=True),
    row("GetJob", f"GET {JOB}", JOB_RESOURCE, ResponseKind.JOB),
    row(
        "CreateOrUpdateJob",
        f"PUT {JOB}",
        JOB_RESOURCE,
        ResponseKind.JOB,
        success=OK | CREATED,
    ),
    row("PatchJob", f"PATCH {JOB}", JOB_RESOURCE, ResponseKind.JOB),
    row("DeleteJob", f"DELETE {JOB}", JOB_RESOURCE),
    row("RunJob", f"POST {JOB}/run", JOB_RESOURCE),
    row("ListJobs", f"GET {COLLECTION}/jobs", JOBS_RESOURCE, ResponseKind.JOBS),
    row("GetJobHistory", f"GET {JOB}/history", JOB_RESOURCE, ResponseKind.JOB_HISTORY),
    # The resources API before it: what scripts need around a collection.
    row("ListCloudServices", "GET /resourceGroups", "/cloudservices", ResponseKind.RESOURCE_GROUPS),
    row("GetCloudService", f"GET {GROUP}", CLOUD_SERVICE, ResponseKind.RESOURCE_GROUP),
    row("ProbeCloudService", f"HEAD {GROUP}", CLOUD_SERVICE, success=NO_CONTENT),
    row(
        "CreateOrUpdateCloudService",
        f"PUT {GROUP}",
        CLOUD_SERVICE,
        ResponseKind.RESOURCE_GROUP,
        success=OK | CREATED,
    ),
    replace(
        row("DeleteCloudService", f"DELETE {GROUP}", CLOUD_SERVICE, success=ACCEPTED),
        asynchronous=True,
    ),
    row(
        "GetOperationResult",
        f"GET {OPERATION_RESULT}",
        OPERATION_RESULT,
        success=OK | ACCEPTED,
    ),
    row(
        "RegisterResourceProvider",
        f"POST {PROVIDER}/register",
        "/providers",
        ResponseKind.RESOURCE_PROVIDER,
    ),
    row(
        "GetResourceProvider",
        f"GET {PROVIDER}",
        "/providers/{provider}",
        ResponseKind.RESOURCE_PROVIDER,
    ),
)
