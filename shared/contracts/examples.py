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
ACCEPTED: JsonObject = {
    "id": "0c5f2a4e-6f0b-4d1e-9a55-3d1f0a7c2b11",
    "command": "CreateOrUpdateJob",
    "resource": "/cloudservices/cs1/jobcollections/jc1/jobs/job1",
    "status": "NotStarted",
    "caller": "key",
    "requestedTime": "2026-01-31T02:29:40.125000Z",
}
REFUSED: JsonObject = {
    "error": {
        "code": "BadRequest",
        "message": "The request has 1 fault: $.action.type: is required",
        "details": [
            {"code": "BadRequest", "target": "$.action.type", "message": "is required"},
        ],
    }
}
