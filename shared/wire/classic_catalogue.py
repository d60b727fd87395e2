"""Rows of the classic surface that the service answers and the connector does not offer as commands."""

from dataclasses import replace

from shared.wire.catalogue import (
    ACCEPTED,
    CHECK_NAME,
    CLOUD_SERVICE,
    COLLECTIONS,
    CREATED,
    FRONT_END_JOBS,
    JOB_COLLECTION_RESOURCE,
    JOBS,
    JOBS_RESOURCE,
    OK,
    PASSED_THROUGH,
    ROWS,
    Endpoint,
    ResponseKind,
)

FURTHER_ROWS = (
    Endpoint(
        name="SetJobsState",
        method="PATCH",
        path=JOBS,
        resource=JOBS_RESOURCE,
        success=OK,
        response=ResponseKind.JOBS,
        waits=True,
    ),
    Endpoint(
        name="EnableJobCollection",
        method="POST",
        path=f"{PASSED_THROUGH}/enable",
        resource=JOB_COLLECTION_RESOURCE,
        suffix="/enable",
        success=OK,
        waits=True,
    ),
    Endpoint(
        name="DisableJobCollection",
        method="POST",
        path=f"{PASSED_THROUGH}/disable",
        resource=JOB_COLLECTION_RESOURCE,
        suffix="/disable",
        success=OK,
        waits=True,
    ),
    Endpoint(
        name="CheckJobCollectionName",
        method="GET",
        path=COLLECTIONS,
        resource=CLOUD_SERVICE,
        success=OK,
        response=ResponseKind.NAME_AVAILABILITY,
        selector=CHECK_NAME,
    ),
    Endpoint(
        name="EntitleResource",
        method="POST",
        path="/EntitleResource",
        resource="/entitlements",
        success=ACCEPTED,
    ),
    Endpoint(
        name="RegisterResourceProvider",
        method="PUT",
        path="/services",
        resource="/providers",
        success=OK,
        selector=("action", "register"),
    ),
    Endpoint(
        name="UnregisterResourceProvider",
        method="PUT",
        path="/services",
        resource="/providers",
        success=OK,
        selector=("action", "unregister"),
    ),
    Endpoint(
        name="GetResourceProviderProperties",
        method="GET",
        path="/resourceproviders/{provider}/Properties",
        resource="/providers/{provider}",
        success=OK,
        response=ResponseKind.PROVIDER_PROPERTIES,
    ),
    Endpoint(
        name="ListManagementCertificates",
        method="GET",
        path="/certificates",
        resource="/certificates",
        success=OK,
        response=ResponseKind.MANAGEMENT_CERTIFICATES,
    ),
    Endpoint(
        name="AddManagementCertificate",
        method="POST",
        path="/certificates",
        resource="/certificates",
        success=CREATED,
    ),
    Endpoint(
        name="GetManagementCertificate",
        method="GET",
        path="/certificates/{thumbprint}",
        resource="/certificates/{thumbprint}",
        success=OK,
        response=ResponseKind.MANAGEMENT_CERTIFICATE,
    ),
    Endpoint(
        name="DeleteManagementCertificate",
        method="DELETE",
        path="/certificates/{thumbprint}",
        resource="/certificates/{thumbprint}",
        success=OK,
    ),
)

# Python's client asks with POST what Node's and .NET's ask with GET.
SAME_BY_ANOTHER_METHOD = tuple(
    replace(row, method="POST") for row in FURTHER_ROWS if row.name == "CheckJobCollectionName"
)
# The retired documentation wrote the path of this one without `~`, the SDKs with it (OPEN-QUESTIONS 33).
SAME_BY_ANOTHER_PATH = tuple(
    replace(row, path=FRONT_END_JOBS) for row in FURTHER_ROWS if row.name == "SetJobsState"
)
CLASSIC_ROWS = (*ROWS, *FURTHER_ROWS, *SAME_BY_ANOTHER_METHOD, *SAME_BY_ANOTHER_PATH)
