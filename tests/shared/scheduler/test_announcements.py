"""The events of the scheduler side."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.errors import InvalidRequestError
from shared.events.cloudevent import CloudEvent, ExtensionValue
from shared.events.event_types import EventType
from shared.scheduler.announcements import (
    JobPath,
    SkippedRange,
    SkipReason,
    ToldExecution,
    attempt_event,
    execution_event,
    job_event,
    skipped_event,
)
from shared.wire.catalogue import CATALOGUE
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState
from shared.wire.routing import parse_resource

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
PATH = JobPath(
    subscription=SUBSCRIPTION, cloud_service="cs1", job_collection="jc1", job="Nightly run"
)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
END = NOON + timedelta(microseconds=18_500)
EXECUTION = ToldExecution(id="e-1", origin="schedule", expected_time=NOON)


def record(**members: Any) -> JobHistory:
    values: dict[str, Any] = {
        "job_id": "Nightly run",
        "timestamp": END,
        "start_time": NOON + timedelta(milliseconds=2),
        "end_time": END,
        "state": JobState.ENABLED,
        "message": "Http Action - Response from host 'example.org': 'OK'",
        "status": JobExecutionStatus.COMPLETED,
        "action_name": ActionName.MAIN_ACTION,
        "repeat_count": 1,
        "retry_count": 0,
    }
    return JobHistory(**values | members)


def told(event: CloudEvent) -> Any:
    return json.loads(event.encode())


def test_an_attempt_is_told_with_its_record() -> None:
    assert told(attempt_event(PATH, EXECUTION, record=record().document(), at=END)) == {
        "specversion": "1.0",
        "id": "e-1/MainAction/0",
        "source": f"/subscriptions/{SUBSCRIPTION}",
        "type": "tocsin.attempt.succeeded",
        "subject": "/cloudservices/cs1/jobcollections/jc1/jobs/Nightly%20run",
        "time": "2026-01-01T12:00:00.018500Z",
        "dataschema": "urn:tocsin:schema:tocsin.attempt.succeeded:1",
        "executionid": "e-1",
        "data": {
            "jobId": "Nightly run",
            "timestamp": "2026-01-01T12:00:00.0185Z",
            "startTime": "2026-01-01T12:00:00.002Z",
            "endTime": "2026-01-01T12:00:00.0185Z",
            "state": "enabled",
            "message": "Http Action - Response from host 'example.org': 'OK'",
            "status": "completed",
            "actionName": "MainAction",
            "repeatCount": 1,
            "retryCount": 0,
            "executionId": "e-1",
            "expectedExecutionTime": "2026-01-01T12:00:00Z",
        },
    }


def test_p6_each_try_of_an_execution_has_an_id_of_its_own() -> None:
    tries = [(action, retry) for action in ActionName for retry in (0, 1)]

    ids = [
        attempt_event(
            PATH,
            EXECUTION,
            record=record(
                action_name=action, retry_count=retry, status=JobExecutionStatus.FAILED
            ).document(),
            at=END,
        ).id
        for action, retry in tries
    ]

    assert ids == ["e-1/MainAction/0", "e-1/MainAction/1", "e-1/ErrorAction/0", "e-1/ErrorAction/1"]


@pytest.mark.parametrize(
    ("status", "event_type"),
    [
        (JobExecutionStatus.COMPLETED, EventType.ATTEMPT_SUCCEEDED),
        (JobExecutionStatus.FAILED, EventType.ATTEMPT_FAILED),
    ],
)
def test_an_attempt_is_named_after_its_status(
    status: JobExecutionStatus, event_type: EventType
) -> None:
    assert (
        attempt_event(PATH, EXECUTION, record=record(status=status).document(), at=END).type
        == event_type
    )


def test_the_end_of_an_execution_is_told_with_its_last_record() -> None:
    last = record(retry_count=4, status=JobExecutionStatus.FAILED)

    event = told(
        execution_event(PATH, EXECUTION, attempts=5, is_success=False, last=last.document(), at=END)
    )

    assert (event["id"], event["type"]) == ("e-1/end", "tocsin.execution.failed")
    assert (event["executionid"], event["time"]) == ("e-1", "2026-01-01T12:00:00.018500Z")
    assert event["data"] == {
        "executionId": "e-1",
        "origin": "schedule",
        "expectedExecutionTime": "2026-01-01T12:00:00Z",
        "attempts": 5,
        "lastAttempt": last.document(),
    }


def test_an_execution_that_succeeded_is_told_under_the_same_id() -> None:
    event = execution_event(
        PATH, EXECUTION, attempts=1, is_success=True, last=record().document(), at=END
    )

    assert (event.id, event.type) == ("e-1/end", EventType.EXECUTION_SUCCEEDED)


def test_an_execution_without_a_record_is_told_without_one() -> None:
    event = execution_event(PATH, EXECUTION, attempts=0, is_success=False, last=None, at=END)

    assert "lastAttempt" not in told(event)["data"]


@pytest.mark.parametrize(("is_open", "id"), [(True, "r-1/opened"), (False, "r-1/closed")])
@pytest.mark.parametrize("reason", SkipReason)
def test_a_skipped_range_is_told_when_it_opens_and_when_it_closes(
    reason: SkipReason, is_open: bool, id: str
) -> None:
    skipped = SkippedRange(id="r-1", reason=reason, first=NOON, last=NOON + timedelta(hours=1))

    event = told(skipped_event(PATH, skipped, is_open=is_open, at=END))

    assert (event["id"], event["type"]) == (id, "tocsin.execution.skipped")
    assert "executionid" not in event
    assert event["data"] == {
        "rangeId": "r-1",
        "reason": reason.value,
        "firstExpectedExecutionTime": "2026-01-01T12:00:00Z",
        "lastExpectedExecutionTime": "2026-01-01T13:00:00Z",
        "isOpen": is_open,
    }


@pytest.mark.parametrize(
    ("event_type", "id"),
    [
        (EventType.JOB_CREATED, "cause/created"),
        (EventType.JOB_UPDATED, "cause/updated"),
        (EventType.JOB_DELETED, "cause/deleted"),
        (EventType.JOB_ENABLED, "cause/enabled"),
        (EventType.JOB_DISABLED, "cause/disabled"),
        (EventType.JOB_COMPLETED, "cause/completed"),
        (EventType.JOB_FAULTED, "cause/faulted"),
    ],
)
def test_a_change_of_a_job_is_told_with_the_job(event_type: EventType, id: str) -> None:
    document: dict[str, Any] = {"id": "Nightly run", "state": "enabled"}

    event = told(job_event(event_type, PATH, document=document, cause="cause", at=END))

    assert (event["id"], event["type"], event["data"]) == (id, event_type.value, document)
    assert event["dataschema"] == f"urn:tocsin:schema:{event_type.value}:1"


@pytest.mark.parametrize("extensions", [{}, {"executionid": "e-1"}], ids=str)
def test_what_is_known_of_a_cause_is_told(extensions: dict[str, ExtensionValue]) -> None:
    completed = job_event(
        EventType.JOB_COMPLETED, PATH, document={}, cause="e-1", at=END, extensions=extensions
    )

    assert completed.extensions == extensions


def test_the_subject_leads_back_to_the_names() -> None:
    path = JobPath(subscription="s", cloud_service="cs", job_collection="jc", job="a%2Fb ü?#")

    assert parse_resource(CATALOGUE["GetJob"], path.subject) == {
        "cloud_service": "cs",
        "job_collection": "jc",
        "job": "a%2Fb ü?#",
    }
    CloudEvent(id="e", source=path.source, type="t", subject=path.subject).encode()


def test_instants_of_other_zones_are_told_in_utc() -> None:
    execution = ToldExecution(
        id="e-1",
        origin="schedule",
        expected_time=NOON.astimezone(timezone(timedelta(hours=2))),
    )

    event = attempt_event(PATH, execution, record=record().document(), at=END)

    assert told(event)["data"]["expectedExecutionTime"] == "2026-01-01T12:00:00Z"


def test_an_instant_without_a_zone_is_none() -> None:
    event = job_event(
        EventType.JOB_CREATED, PATH, document={}, cause="c", at=NOON.replace(tzinfo=None)
    )

    with pytest.raises(InvalidRequestError):
        event.encode()
