"""Which body an endpoint takes, with an example that the service accepts, and which one it answers with."""

from dataclasses import dataclass

from shared.wire.cloud_service import CloudService
from shared.wire.endpoint import Endpoint, ResponseKind, Surface
from shared.wire.job_collection import JobCollection
from shared.wire.json_types import Json, JsonObject
from shared.wire.xml_codec import encode_cloud_service, encode_job_collection
from shared.wire.xml_elements import write_root, write_text

CLASSIC, ARM = Surface.CLASSIC, Surface.ARM

JOB: JsonObject = {
    "startTime": "2026-01-31T02:30:00Z",
    "action": {
        "type": "http",
        "request": {"uri": "http://reports.example.org/nightly", "method": "GET"},
        "retryPolicy": {"retryType": "fixed", "retryInterval": "00:01:00", "retryCount": 3},
    },
    "recurrence": {"frequency": "day", "interval": 1, "schedule": {"hours": [2], "minutes": [30]}},
    "state": "enabled",
}
JOB_PATCH: JsonObject = {"state": "disabled"}
COLLECTION: JsonObject = {
    "location": "West US",
    "properties": {"sku": {"name": "Standard"}, "quota": {"maxJobCount": 10}},
}


@dataclass(frozen=True, slots=True)
class Body:
    """What a request holds; an example in XML is its text."""

    schema: str
    example: Json


REQUESTS: dict[tuple[Surface, str], Body] = {
    (CLASSIC, "CreateOrUpdateCloudService"): Body(
        "XmlCloudService",
        encode_cloud_service(CloudService(label="Reports", geo_region="West Europe")).decode(),
    ),
    (CLASSIC, "CreateJobCollection"): Body(
        "XmlJobCollection", encode_job_collection(JobCollection(label="Reports")).decode()
    ),
    (CLASSIC, "EntitleResource"): Body(
        "XmlEntitleResource",
        write_root(
            "EntitleResource",
            write_text("ResourceProviderNameSpace", "scheduler"),
            write_text("Type", "JobCollections"),
            write_text("RegistrationDate", "2026-01-01T00:00:00Z"),
        ).decode(),
    ),
    (CLASSIC, "AddManagementCertificate"): Body("XmlNewCertificate", None),
    (CLASSIC, "CreateJob"): Body("Job", JOB),
    (CLASSIC, "CreateOrUpdateJob"): Body("Job", JOB),
    (CLASSIC, "PatchJob"): Body("JobPatch", JOB_PATCH),
    (CLASSIC, "SetJobsState"): Body("JobsState", {"state": "disabled"}),
    (CLASSIC, "PatchJobCollection"): Body("JobCollectionPatch", {"quota": {"maxJobCount": 10}}),
    (ARM, "CreateJobCollection"): Body("CollectionResource", COLLECTION),
    (ARM, "CreateOrUpdateCloudService"): Body("ArmGroup", {"location": "West Europe"}),
    (ARM, "PatchJobCollection"): Body("CollectionPatch", {"tags": {"team": "reports"}}),
    (ARM, "CreateOrUpdateJob"): Body("ArmJob", {"properties": JOB}),
    (ARM, "PatchJob"): Body("ArmJobPatch", {"properties": JOB_PATCH}),
}

ANSWERS: dict[tuple[Surface, ResponseKind], str] = {
    (CLASSIC, ResponseKind.CLOUD_SERVICE): "XmlCloudServiceAnswer",
    (CLASSIC, ResponseKind.CLOUD_SERVICES): "XmlCloudServices",
    (CLASSIC, ResponseKind.JOB_COLLECTION): "XmlJobCollectionAnswer",
    (CLASSIC, ResponseKind.OPERATION): "XmlOperation",
    (CLASSIC, ResponseKind.PROVIDER_PROPERTIES): "XmlProviderProperties",
    (CLASSIC, ResponseKind.NAME_AVAILABILITY): "XmlNameAvailability",
    (CLASSIC, ResponseKind.MANAGEMENT_CERTIFICATE): "XmlCertificate",
    (CLASSIC, ResponseKind.MANAGEMENT_CERTIFICATES): "XmlCertificates",
    (CLASSIC, ResponseKind.JOB): "JobAnswer",
    (CLASSIC, ResponseKind.JOBS): "Jobs",
    (CLASSIC, ResponseKind.JOB_HISTORY): "JobHistory",
    (CLASSIC, ResponseKind.RESOURCE_PROVIDER): "ArmProvider",
    (ARM, ResponseKind.JOB_COLLECTION): "ArmJobCollectionAnswer",
    (ARM, ResponseKind.JOB_COLLECTIONS): "ArmJobCollections",
    (ARM, ResponseKind.JOB): "ArmJobAnswer",
    (ARM, ResponseKind.JOBS): "ArmJobs",
    (ARM, ResponseKind.JOB_HISTORY): "ArmJobHistory",
    (ARM, ResponseKind.RESOURCE_PROVIDER): "ArmProvider",
    (ARM, ResponseKind.RESOURCE_GROUP): "ArmGroupAnswer",
    (ARM, ResponseKind.RESOURCE_GROUPS): "ArmGroups",
}


def request_body(row: Endpoint) -> Body | None:
    return REQUESTS.get((row.surface, row.name))


def answer_schema(row: Endpoint) -> str | None:
    """Return the name of what a success holds; None for an empty one."""
    if row.response is ResponseKind.NOTHING:
        return None
    if row.arm_only and row.response is ResponseKind.JOB_COLLECTION:
        return "JobCollectionAnswer"
    return ANSWERS[row.surface, row.response]
