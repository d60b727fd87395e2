import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given

from shared.errors import Fault, InvalidRequestError
from shared.wire.job import Job, JobHistory, JobStatus, job_answer, time_faults
from shared.wire.json_codec import encode_json
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read, read_json
from shared.wire.times import parse_instant
from tests.shared.wire import strategies
from tests.shared.wire.recordings import recorded

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACTION: JsonObject = {"type": "http", "request": {"uri": "http://h/", "method": "GET"}}
EXAMPLE = Path(__file__).parents[3] / "examples" / "nightly-report.json"


@given(strategies.jobs)
def test_jobs_survive_the_wire(job: Job) -> None:
    assert read_json(Job, encode_json(job.document())) == job


def test_the_recorded_definition_is_answered_as_recorded() -> None:
    exchange = recorded("create-job")
    job = read_json(Job, exchange.request)
    status = JobStatus(next_execution_time=parse_instant("2015-07-01T00:30:32.104381Z"))

    answer = encode_json(job_answer(job.document(), id="job_id", status=status))

    # The service of 2015 lowered the first letter of header names; later ones, and ours, keep the case.
    assert answer == exchange.response.replace(b'"content-Type"', b'"Content-Type"')


def test_members_are_answered_in_the_order_of_the_service() -> None:
    document: JsonObject = json.loads(EXAMPLE.read_text())
    shuffled = json.loads(
        json.dumps({"startTime": "2026-01-01T00:00:00Z", **document}, sort_keys=True)
    )

    answer = job_answer(read(Job, shuffled).document(), id="a", status=JobStatus())

    assert list(answer) == ["id", "startTime", "action", "recurrence", "state", "status"]
    assert list(dict[str, Json](answer["action"])) == [  # type: ignore[arg-type]
        "request", "type", "retryPolicy", "errorAction",
    ]  # fmt: skip


def test_the_example_is_a_job() -> None:
    job = read_json(Job, EXAMPLE.read_bytes())

    assert job.start_time is None
    assert job.recurrence is not None


def test_p8_answers_hold_no_secret() -> None:
    request: JsonObject = {
        "uri": "http://h/", "method": "GET",
        "authentication": {"type": "BASIC", "username": "u", "password": "s3cret"},
    }  # fmt: skip
    job = read(Job, {"action": {"type": "http", "request": request}, "stateDetails": "why"})

    answer = job_answer(job.document(), id="a")

    assert answer == {
        "id": "a",
        "action": {
            "request": {
                "uri": "http://h/", "method": "GET",
                "authentication": {"username": "u", "type": "Basic"},
            },
            "type": "http",
        },
        "state": "enabled",
    }  # fmt: skip
    assert "s3cret" not in repr(job)


@pytest.mark.parametrize(
    ("start_time", "following", "expected"),
    [
        ("2016-07-26T18:41:32.2336616Z", "2016-07-27T18:41:32.233661Z", "32.2336616Z"),
        ("2016-07-26T18:41:32.0000006Z", "2016-07-27T18:41:32Z", "32.0000006Z"),
        ("2016-07-26T18:41:32.2336616Z", "2016-07-27T18:41:32.233662Z", "32.233662Z"),
        ("2016-07-26T18:41:32.233661Z", "2016-07-27T18:41:32.233661Z", "32.233661Z"),
        (None, "2016-07-27T18:41:32.233661Z", "32.233661Z"),
    ],
)
def test_the_next_occurrence_has_the_seventh_digit_of_the_start_time_that_it_is_counted_from(
    start_time: str | None, following: str, expected: str
) -> None:
    status = JobStatus(next_execution_time=parse_instant(following))

    answer = job_answer({"startTime": start_time}, id="a", status=status)

    assert answer["status"] == {
        **JobStatus().document(),
        "nextExecutionTime": f"2016-07-27T18:41:{expected}",
    }


def test_a_disabled_job_is_answered_without_status() -> None:
    job = read(Job, {"action": ACTION, "state": "Disabled"})

    answer = job_answer(job.document(), id="a", status=JobStatus(execution_count=3))

    assert answer["state"] == "disabled"
    assert "status" not in answer


def test_null_is_absence() -> None:
    job = read(Job, {"action": ACTION, "startTime": None, "recurrence": None})

    assert job.document() == read(Job, {"action": ACTION}).document()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"state": "completed"}, Fault("$.state", "cannot be set to completed; use enabled or disabled")),
        ({"state": "Faulted"}, Fault("$.state", "cannot be set to faulted; use enabled or disabled")),
        ({"state": "on"}, Fault("$.state", "must be one of enabled, disabled, completed, faulted")),
        ({"policies": {}}, Fault("$.policies", "policies is not supported yet")),
        ({"id": ""}, Fault("$.id", "must have at least 1 character")),
        ({"action": None}, Fault("$.action", "is required")),
        ({"action": []}, Fault("$.action", "must be an object")),
    ],
)  # fmt: skip
def test_what_a_caller_may_not_say_is_refused(change: JsonObject, fault: Fault) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Job, {"action": ACTION, **change})

    assert caught.value.faults == (fault,)


def test_p10_all_faults_of_a_job_come_together() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(
            Job,
            {
                "startTime": "soon",
                "action": {"type": "mail", "request": {"uri": "x", "method": 1}},
                "recurrence": {"frequency": "year", "count": -1},
                "colour": "red",
            },
        )

    assert [fault.path for fault in caught.value.faults] == [
        "$.startTime",
        "$.action.request.uri",
        "$.action.request.method",
        "$.action.type",
        "$.recurrence.frequency",
        "$.recurrence.count",
        "$.colour",
    ]


@pytest.mark.parametrize(
    ("definition", "paths"),
    [
        ({}, []),
        ({"startTime": "2027-07-01T00:00:00Z"}, []),
        ({"startTime": "2020-01-01T00:00:00Z"}, []),
        ({"startTime": "2027-07-03T00:00:01Z"}, ["$.startTime"]),
        ({"recurrence": {"frequency": "day", "endTime": "2026-01-01T00:00:00Z"}}, []),
        (
            {
                "startTime": "2030-01-01T00:00:00Z",
                "recurrence": {"frequency": "day", "endTime": "2025-12-31T23:59:59Z"},
            },
            ["$.startTime", "$.recurrence.endTime"],
        ),
    ],
)
def test_what_only_the_clock_can_refuse(definition: JsonObject, paths: list[str]) -> None:
    job = read(Job, {"action": ACTION, **definition})

    assert [fault.path for fault in time_faults(job, now=NOW)] == paths


def test_a_status_without_runs_has_counters_only() -> None:
    assert JobStatus().document() == {"executionCount": 0, "failureCount": 0, "faultedCount": 0}


def test_history_is_written_and_read_in_the_words_of_the_service() -> None:
    document: JsonObject = {
        "jobId": "job", "timestamp": "2026-01-01T00:00:00Z", "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2026-01-01T00:00:01.5Z", "state": "enabled", "message": "m",
        "status": "failed", "actionName": "MainAction", "repeatCount": 1, "retryCount": 0,
    }  # fmt: skip

    history = read(JobHistory, {**document, "status": "Failed", "actionName": "mainaction"})

    assert encode_json(history.document()) == encode_json(document)  # the order of members too
    assert history.end_time - history.start_time == timedelta(seconds=1.5)


@pytest.mark.parametrize("status", [{"executionCount": 1}, {}, "?", None])
@pytest.mark.parametrize("name", ["status", "Status"])
def test_the_status_that_a_caller_puts_back_is_ignored(name: str, status: Json) -> None:
    job = read(Job, {"action": ACTION, name: status})

    assert job == read(Job, {"action": ACTION})
    assert "status" not in job.document()
