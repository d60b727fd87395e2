import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import InvalidRequestError
from shared.wire.arm_ids import history_key
from shared.wire.arm_job import history_resource, job_resource, read_properties
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState
from shared.wire.json_types import Json, JsonObject

CONTAINER = "/subscriptions/s/resourceGroups/g"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = JobHistory(
    job_id="j",
    timestamp=NOW,
    start_time=NOW,
    end_time=NOW + timedelta(seconds=1),
    state=JobState.ENABLED,
    message="said",
    status=JobExecutionStatus.COMPLETED,
    action_name=ActionName.ERROR_ACTION,
    repeat_count=3,
    retry_count=1,
)


def test_types_of_actions_and_of_http_authentication_are_pascal_and_nothing_else_is() -> None:
    document: JsonObject = {
        "id": "j",
        "action": {
            "request": {
                "uri": "http://h/",
                "method": "get",
                "headers": {"type": "basic"},
                "authentication": {"username": "u", "type": "basic"},
            },
            "type": "https",
            "retryPolicy": {"retryType": "none"},
            "errorAction": {
                "serviceBusTopicMessage": {
                    "topicPath": "t",
                    "transportType": "netMessaging",
                    "authentication": {"sasKeyName": "k", "type": "sharedAccessKey"},
                },
                "type": "serviceBusTopic",
            },
        },
        "state": "enabled",
    }

    resource = job_resource(CONTAINER, "c", document)

    assert {name: value for name, value in resource.items() if name != "properties"} == {
        "id": f"{CONTAINER}/providers/Microsoft.Scheduler/jobCollections/c/jobs/j",
        "type": "Microsoft.Scheduler/jobCollections/jobs",
        "name": "c/j",
    }
    expected = json.dumps({name: value for name, value in document.items() if name != "id"})
    for given, written in [
        ('"username": "u", "type": "basic"', '"username": "u", "type": "Basic"'),
        ('"type": "https"', '"type": "Https"'),
        ('"type": "serviceBusTopic"', '"type": "ServiceBusTopic"'),
    ]:
        expected = expected.replace(given, written)
    assert json.dumps(resource["properties"]) == expected


@pytest.mark.parametrize(
    "type", ["Http", "Https", "StorageQueue", "ServiceBusQueue", "ServiceBusTopic"]
)
def test_every_type_of_action_is_known(type: str) -> None:
    document: JsonObject = {"id": "j", "action": {"type": type[0].lower() + type[1:]}}

    assert job_resource(CONTAINER, "c", document)["properties"] == {"action": {"type": type}}


def test_what_the_service_says_of_a_job_is_not_read_again() -> None:
    sent = {
        "ID": "/x",
        "type": "y",
        "name": "c/j",
        "Properties": {"Status": {"executionCount": 1}, "id": "j", "state": "enabled"},
    }

    assert read_properties(json.dumps(sent).encode()) == {"state": "enabled"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "$: must be an object"),
        ({}, "$.properties: is required"),
        ({"properties": None}, "$.properties: is required"),
        ({"properties": []}, "$.properties: must be an object"),
        ({"tags": {}}, "$.tags: is not a known member; $.properties: is required"),
        ({"action": {}, "properties": {}}, "$.action: is not a known member"),
    ],
)
def test_what_is_no_resource_is_refused(body: Json, message: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read_properties(json.dumps(body).encode())

    assert refused.value.message == message


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (JobExecutionStatus.COMPLETED, []),
        (JobExecutionStatus.FAILED, ["failed"]),
        (JobExecutionStatus.POSTPONED, ["postponed"]),
    ],
)
def test_a_record_tells_its_status_unless_it_is_completed(
    status: JobExecutionStatus, told: list[str]
) -> None:
    record = RECORD.model_copy(update={"status": status})

    resource = history_resource(
        CONTAINER, "c", record, sequence=7, expected_at=NOW - timedelta(seconds=2)
    )

    key = history_key(NOW, 7)
    job = f"{CONTAINER}/providers/Microsoft.Scheduler/jobCollections/c/jobs/j"
    assert resource["id"] == f"{job}/history/{key}"
    assert resource["type"] == "Microsoft.Scheduler/jobCollections/jobs/history"
    assert resource["name"] == f"c/j/{key}"
    properties = resource["properties"]
    assert isinstance(properties, dict)
    assert list(properties.items()) == [
        ("startTime", "2026-01-01T00:00:00Z"),
        ("endTime", "2026-01-01T00:00:01Z"),
        ("expectedExecutionTime", "2025-12-31T23:59:58Z"),
        *(("status", word) for word in told),
        ("message", "said"),
        ("retryCount", 1),
        ("repeatCount", 3),
        ("actionName", "ErrorAction"),
    ]
