"""What follows from looks at the service's operation and at the resource, in tables."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.client.scheduler import OutcomeUnknownError, RestResponse
from shared.connector.decide import decide
from shared.connector.deployment import Reply
from shared.connector.operations import Later, OperationStatus, Phase, Progress
from shared.errors import TransientError
from shared.wire.errors import json_error
from shared.wire.job_collection import JobCollectionAnswer, OperationResult, Plan
from shared.wire.json_types import Json
from shared.wire.operation import OperationStatus as ServiceStatus
from shared.wire.operation import ServiceError
from shared.wire.xml_codec import encode_job_collection_answer
from tests.shared.connector.cases import (
    DEADLINE,
    DELETE_JOB,
    DISABLE,
    JOB_BODY,
    NOW,
    POLLING,
    PUT_COLLECTION,
    PUT_JOB,
    REQUEST_ID,
    SECOND,
    SETTLING,
    UNKNOWN,
    UNTRIED,
    VERIFYING,
    at_another_server,
    case,
    code_of,
    ended,
    later,
    status_answer,
)
from tests.shared.connector.servers import answer

UPDATE = "UpdateJobCollection"
OLD, NEW = "old", "new"


def test_poll_that_says_succeeded_ends() -> None:
    reply = status_answer(ServiceStatus.SUCCEEDED, http_status_code=200)

    end = ended(decide(case(PUT_COLLECTION, POLLING), reply))

    assert (end.status, end.http_status) == (OperationStatus.SUCCEEDED, 200)


def test_poll_that_says_failed_fails_in_the_words_of_the_service() -> None:
    error = ServiceError(code="ConflictError", message="no")
    reply = status_answer(ServiceStatus.FAILED, http_status_code=409, error=error)

    step = decide(case(PUT_COLLECTION, POLLING), reply)

    assert code_of(step) == "ConflictError"
    assert ended(step).http_status == 409


@pytest.mark.parametrize(
    ("polls", "seconds"), [(0, 1.5), (1, 2.25), (6, 17.0859375), (9, 30), (99, 30)]
)
def test_polls_grow_apart_up_to_30_seconds(polls: int, seconds: float) -> None:
    progress = replace(POLLING, polls=polls, failures=3, missing_since=NOW)

    step = later(decide(case(PUT_COLLECTION, progress), status_answer(ServiceStatus.IN_PROGRESS)))

    assert step.progress == replace(POLLING, polls=polls + 1)
    assert abs((step.due_at - NOW).total_seconds() - seconds) < 0.001


def test_poll_in_progress_at_the_deadline_is_settled_by_the_resource() -> None:
    reply = status_answer(ServiceStatus.IN_PROGRESS)

    step = later(decide(case(PUT_COLLECTION, POLLING, now=DEADLINE), reply))

    assert step.progress.phase is Phase.SETTLE


@pytest.mark.parametrize(
    ("seconds", "phase"), [(0, Phase.POLL), (59, Phase.POLL), (60, Phase.SETTLE)]
)
def test_status_may_be_missing_for_a_minute(seconds: int, phase: Phase) -> None:
    progress = replace(POLLING, missing_since=NOW - seconds * SECOND if seconds else None)

    step = later(decide(case(PUT_COLLECTION, progress), answer(404)))

    assert step.progress.phase is phase
    if phase is Phase.POLL:
        assert step.progress.missing_since == NOW - seconds * SECOND


@pytest.mark.parametrize("reply", [answer(500), answer(429), OutcomeUnknownError("no answer")])
def test_poll_without_an_answer_is_repeated_until_the_deadline(reply: Reply) -> None:
    step = later(decide(case(PUT_COLLECTION, POLLING), reply))
    assert step.progress == replace(POLLING, failures=1)

    at_deadline = later(decide(case(PUT_COLLECTION, POLLING, now=DEADLINE), reply))
    assert at_deadline.progress.phase is Phase.SETTLE


@pytest.mark.parametrize("reply", [answer(400), answer(200, b"<Operation/>"), answer(200, b"no")])
def test_poll_that_makes_no_sense_is_settled_by_the_resource(reply: Reply) -> None:
    assert later(decide(case(PUT_COLLECTION, POLLING), reply)).progress.phase is Phase.SETTLE


@pytest.mark.parametrize("command", ["EnableJobCollection", DISABLE, "SetJobsState"])
@pytest.mark.parametrize(
    ("progress", "reply"),
    [
        (POLLING, answer(400)),
        (POLLING, answer(200, b"no")),
        (replace(POLLING, missing_since=NOW - timedelta(minutes=1)), answer(404)),
        (UNTRIED, answer(202)),
    ],
    ids=["refused", "unreadable", "forgotten", "without an id"],
)
def test_lost_end_of_what_its_resource_does_not_show_is_made_again(
    command: str, progress: Progress, reply: Reply
) -> None:
    first = later(decide(case(command, progress), reply))
    assert first.progress == replace(UNKNOWN, polls=1)

    sent = later(decide(case(command, first.progress), answer(202, x_ms_request_id=REQUEST_ID)))
    assert sent.progress == replace(POLLING, polls=1)
    second = later(decide(case(command, sent.progress), answer(400)))
    assert (second.progress.phase, second.progress.polls) == (Phase.SEND, 2)
    assert second.due_at > first.due_at

    at_deadline = decide(case(command, progress, now=DEADLINE), reply)
    assert later(at_deadline).progress.phase is Phase.SETTLE


@pytest.mark.parametrize(
    ("found", "is_success"),
    [
        ({"id": "j", "state": "enabled", **dict(JOB_BODY)}, True),  # type: ignore[arg-type]
        ({"id": "j", "action": {"type": "http", "request": {"method": "POST"}}}, False),
        ([], False),
    ],
)
def test_look_at_a_job_tells_whether_the_change_is_there(found: Json, is_success: bool) -> None:
    step = decide(case(PUT_JOB, SETTLING, sent=JOB_BODY), answer(200, json.dumps(found).encode()))

    if is_success:
        assert ended(step).status is OperationStatus.SUCCEEDED
    else:
        assert code_of(step) == "OutcomeUnknown"


def test_look_after_a_deletion() -> None:
    gone = decide(case(DELETE_JOB, SETTLING), answer(404))
    there = decide(case(DELETE_JOB, SETTLING), answer(200, b"{}"))

    assert ended(gone).status is OperationStatus.SUCCEEDED
    assert code_of(there) == "OutcomeUnknown"


def test_look_is_repeated_four_times() -> None:
    progress, looks = SETTLING, 1
    while isinstance(step := decide(case(PUT_JOB, progress, now=DEADLINE), answer(500)), Later):
        assert step.due_at > DEADLINE
        progress, looks = step.progress, looks + 1

    assert (looks, code_of(step)) == (5, "OutcomeUnknown")


def job_answer(document: Json) -> RestResponse:
    return answer(200, json.dumps(document).encode())


def collection_answer(
    plan: Plan, etag: str, result: OperationResult = OperationResult.SUCCEEDED
) -> RestResponse:
    collection = JobCollectionAnswer(name="jc", etag=etag, plan=plan, operation_result=result)
    return answer(200, encode_job_collection_answer(collection))


def test_job_that_shows_the_change_needs_no_second_put() -> None:
    found = {"id": "j", "state": "enabled", **dict(JOB_BODY)}  # type: ignore[arg-type]

    end = ended(
        decide(at_another_server(case(PUT_JOB, VERIFYING, sent=JOB_BODY)), job_answer(found))
    )

    assert (end.status, end.http_status) == (OperationStatus.SUCCEEDED, 200)
    assert end.result == found


@pytest.mark.parametrize(
    "reply",
    [
        job_answer({"id": "j", "state": "enabled", "action": {"type": "http"}}),
        job_answer({"id": "j", **dict(JOB_BODY), "recurrence": {"frequency": "day"}}),  # type: ignore[arg-type]
        job_answer({"id": "j", **dict(JOB_BODY), "state": "disabled"}),  # type: ignore[arg-type]
        job_answer([]),
        answer(200, b"<html>"),
        answer(404, json_error("NotFound", "gone")),
        answer(400),
    ],
    ids=range(7),
)
def test_job_that_does_not_show_the_change_is_put_again(reply: RestResponse) -> None:
    present = at_another_server(
        case(PUT_JOB, replace(VERIFYING, failures=1, polls=3), sent=JOB_BODY)
    )

    step = later(decide(present, reply))

    assert (step.progress.phase, step.progress.is_outcome_unknown) == (Phase.SEND, False)
    assert (step.progress.failures, step.due_at) == (2, NOW + 2 * SECOND)


@pytest.mark.parametrize("command", [PUT_JOB, UPDATE])
@pytest.mark.parametrize(
    "reply",
    [answer(500), answer(429), answer(408), TransientError("no"), OutcomeUnknownError("no")],
)
def test_verification_without_an_answer_is_repeated_until_the_deadline(
    command: str, reply: Reply
) -> None:
    present = at_another_server(case(command, VERIFYING, sent={}))

    step = later(decide(present, reply))
    assert (step.progress, step.due_at) == (replace(VERIFYING, failures=1), NOW + SECOND)

    at_deadline = later(decide(replace(present, now=DEADLINE), reply))
    assert (at_deadline.progress.phase, at_deadline.progress.failures) == (Phase.SETTLE, 0)


def test_job_without_the_change_at_the_deadline_is_not_put_again() -> None:
    present = at_another_server(case(PUT_JOB, VERIFYING, sent=JOB_BODY, now=DEADLINE))

    assert code_of(decide(present, answer(404))) == "OutcomeUnknown"


PREMIUM, FREE = Plan.P10_PREMIUM, Plan.FREE
COLLECTIONS: Mapping[str, tuple[RestResponse, str]] = {
    "equal, done": (collection_answer(PREMIUM, NEW), "success"),
    "equal, under way": (
        collection_answer(PREMIUM, NEW, OperationResult.IN_PROGRESS),
        "wait",
    ),
    "unequal, under way": (collection_answer(FREE, NEW, OperationResult.IN_PROGRESS), "wait"),
    "unequal, old ETag": (collection_answer(FREE, OLD), "repeat"),
    "unequal, another ETag": (collection_answer(FREE, NEW), "unknown"),
    "equal but failed, old ETag": (
        collection_answer(PREMIUM, OLD, OperationResult.FAILED),
        "repeat",
    ),
    "equal but failed, another ETag": (
        collection_answer(PREMIUM, NEW, OperationResult.FAILED),
        "unknown",
    ),
    "gone": (answer(404), "unknown"),
    "unreadable": (answer(200, b"<html>"), "unknown"),
    "refused": (answer(400), "unknown"),
}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_update_of_a_collection_is_decided_by_content_and_etag(name: str) -> None:
    reply, expected = COLLECTIONS[name]
    present = at_another_server(
        case(UPDATE, replace(VERIFYING, polls=1), sent={"plan": "P10Premium"}), if_match=OLD
    )

    step = decide(present, reply)

    match expected:
        case "success":
            assert ended(step).status is OperationStatus.SUCCEEDED
        case "wait":
            assert later(step).progress == replace(VERIFYING, polls=2)
            assert later(step).due_at == NOW + 2.25 * SECOND
        case "repeat":
            assert later(step).progress.phase is Phase.SEND
            assert not later(step).progress.is_outcome_unknown
        case _:
            assert code_of(step) == "OutcomeUnknown"
