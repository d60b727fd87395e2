"""Bodies that the connector takes, for readers and for whoever tries the routes out."""

from shared.wire.json_types import Json, JsonObject
from shared.wire.openapi.bodies import JOB, JOB_PATCH

JOB_COLLECTION: JsonObject = {"plan": "Standard", "quota": {"maxJobCount": 10}, "label": "Reports"}
BODIES: dict[str, Json] = {
    "CreateOrUpdateCloudService": {"label": "Reports", "geoRegion": "West Europe"},
    "CreateJobCollection": JOB_COLLECTION,
    "UpdateJobCollection": JOB_COLLECTION,
    "PatchJobCollection": {"quota": {"maxJobCount": 20}},
    "CreateJob": JOB,
    "CreateOrUpdateJob": JOB,
    "PatchJob": JOB_PATCH,
    "SetJobsState": JOB_PATCH,
    "EntitleResource": {
        "resourceProviderNameSpace": "scheduler",
        "type": "JobCollections",
        "registrationDate": "2026-01-01T00:00:00Z",
    },
}
"""By the name of the command."""
QUERIES: dict[str, Json] = {
    "CheckJobCollectionName": {"resourceName": "jc2"},
    "ListJobs": {"$top": "10", "$filter": "state eq enabled"},
    "GetJobHistory": {"$top": "10", "$filter": "status eq failed"},
}
COMMAND: JsonObject = {
    "command": "CreateOrUpdateJob",
    "resource": "/cloudservices/cs1/jobcollections/jc1/jobs/job1",
    "body": JOB,
}
EVENT_SUBSCRIPTION: JsonObject = {
    "name": "reports",
    "sink": {"type": "webhook", "url": "https://receiver.example.org/events"},
    "filter": {"types": ["tocsin.execution.*"], "subjectPrefix": "/cloudservices/cs1"},
    "rateLimit": {"perSecond": 50},
}
