"""The rows of the classic surface: those of the connector as the service answers them, and some of its own."""

from dataclasses import replace

from shared.wire.catalogue import CATALOGUE, CREATED, FRONT_END_JOBS, OK, ROWS
from shared.wire.endpoint import Endpoint, ResponseKind

FURTHER_ROWS = (
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
CHECK_BY_POST = replace(CATALOGUE["CheckJobCollectionName"], method="POST")
# The retired documentation wrote the path of this one without `~`, the SDKs with it (OPEN-QUESTIONS 33).
SET_AT_FRONT_END = replace(CATALOGUE["SetJobsState"], path=FRONT_END_JOBS)
# One row answers PUT of a collection, and looks at `If-Match` itself.
OWN_ROWS = tuple(
    replace(row, conditional=True) if row.name == "CreateJobCollection" else row
    for row in ROWS
    if not row.shares_path
)
CLASSIC_ROWS = (*OWN_ROWS, *FURTHER_ROWS, CHECK_BY_POST, SET_AT_FRONT_END)
