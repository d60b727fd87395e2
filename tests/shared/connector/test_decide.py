"""What follows from each answer, in tables, and the laws that hold for all of them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.scheduler import OutcomeUnknownError, RestResponse
from shared.connector.decide import Refused, decide
from shared.connector.deployment import Reply
from shared.connector.operations import Ended, Later, OperationStatus, Phase, Progress
from shared.errors import AuthenticationError, TransientError
from shared.wire.errors import json_error, rdfe_error
from shared.wire.json_types import Json
from shared.wire.operation import OperationStatus as ServiceStatus
from shared.wire.operation import ServiceError
from tests.shared.connector.cases import (
    DEADLINE,
    DELETE_COLLECTION,
    DELETE_JOB,
    DISABLE,
    JOB_BODY,
    LIST_JOBS,
    NOW,
    POLLING,
    PUT_COLLECTION,
    PUT_JOB,
    REQUEST_ID,
    RESOURCES,
    RUN_JOB,
    SECOND,
    SETTLING,
    UNKNOWN,
    UNTRIED,
    case,
    code_of,
    ended,
    later,
    status_answer,
)
from tests.shared.connector.servers import answer


@pytest.mark.parametrize("status", [200, 201])
def test_synchronous_success_ends_with_the_result_without_secrets(status: int) -> None:
    body = json.dumps(
        {"id": "j", "action": {"request": {"authentication": {"password": "geheim"}}}}
    )

    end = ended(decide(case(), answer(status, body.encode())))

    assert (end.status, end.http_status) == (OperationStatus.SUCCEEDED, status)
    assert end.result == {"id": "j", "action": {"request": {"authentication": {}}}}


def test_success_with_an_unreadable_body_is_success() -> None:
    assert ended(decide(case(), answer(201, b"<html>"))).status is OperationStatus.SUCCEEDED


@pytest.mark.parametrize("reply", [OutcomeUnknownError("no answer"), answer(500)])
def test_read_that_brought_nothing_until_its_deadline_has_failed(reply: Reply) -> None:
    end = ended(decide(case(LIST_JOBS, now=DEADLINE), reply))

    assert end.status is OperationStatus.FAILED


def test_change_that_was_waited_for_too_long_is_polled() -> None:
    step = later(decide(case(DISABLE), answer(202, x_ms_request_id=REQUEST_ID)))

    assert step.progress == POLLING
    assert ended(decide(case(DISABLE), answer(200))).status is OperationStatus.SUCCEEDED


def test_accepted_change_is_polled_after_a_second() -> None:
    step = later(decide(case(PUT_COLLECTION), answer(202, x_ms_request_id=REQUEST_ID)))

    assert step.progress == POLLING
    assert step.due_at == NOW + SECOND


def test_accepted_change_without_a_request_id_is_settled_by_the_resource() -> None:
    step = later(decide(case(PUT_COLLECTION), answer(202)))

    assert (step.progress.phase, step.due_at) == (Phase.SETTLE, NOW)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 412, 413])
@pytest.mark.parametrize(
    "body", [rdfe_error("ConflictError", "no"), json_error("ConflictError", "no")]
)
def test_refusal_fails_at_once_in_the_words_of_the_service(status: int, body: bytes) -> None:
    end = ended(decide(case(), answer(status, body)))

    assert (end.status, end.http_status) == (OperationStatus.FAILED, status)
    assert end.error is not None
    assert (end.error.code, end.error.message) == ("ConflictError", "no")


@pytest.mark.parametrize(("status", "code"), [(404, "NotFound"), (307, "TemporaryRedirect")])
def test_refusal_without_words_is_named_by_its_status(status: int, code: str) -> None:
    assert code_of(decide(case(), answer(status, b"<html>sorry"))) == code


@pytest.mark.parametrize(
    ("reply", "is_unknown"),
    [
        (answer(408), True),
        (answer(429), False),
        (answer(500), True),
        (answer(502), True),
        (answer(503), False),
        (answer(504), True),
        (TransientError("no connection"), False),
        (OutcomeUnknownError("no answer"), True),
    ],
)
def test_passing_trouble_is_tried_again(reply: Reply, is_unknown: bool) -> None:
    step = later(decide(case(), reply))

    assert step.progress == Progress(failures=1, is_outcome_unknown=is_unknown)
    assert step.due_at == NOW + SECOND
    assert step.deadline_at == DEADLINE


def test_unknown_outcome_is_not_forgotten_by_a_later_attempt() -> None:
    assert later(decide(case(progress=UNKNOWN), answer(503))).progress.is_outcome_unknown


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 2), (3, 8), (6, 60), (500, 60)])
def test_waits_double_up_to_a_minute(failures: int, seconds: int) -> None:
    step = later(decide(case(progress=Progress(failures=failures)), answer(503)))

    assert step.due_at == NOW + seconds * SECOND


def test_wait_is_at_least_what_the_service_asks_for() -> None:
    assert later(decide(case(), answer(503, retry_after="120"))).due_at == NOW + 120 * SECOND


def test_last_try_is_at_the_deadline() -> None:
    step = later(decide(case(now=DEADLINE - SECOND), answer(503, retry_after="120")))

    assert step.due_at == DEADLINE


def test_trouble_at_the_deadline_fails_with_the_last_error() -> None:
    step = decide(case(now=DEADLINE), answer(503, rdfe_error("ServerBusy", "later")))

    assert code_of(step) == "ServerBusy"


@pytest.mark.parametrize("reply", [OutcomeUnknownError("no answer"), answer(500)])
def test_unknown_outcome_at_the_deadline_is_settled_by_the_resource(reply: Reply) -> None:
    step = later(decide(case(now=DEADLINE), reply))

    assert (step.progress.phase, step.due_at) == (Phase.SETTLE, DEADLINE)


@pytest.mark.parametrize(
    "reply",
    [
        AuthenticationError("refused"),
        answer(401),
        answer(403, rdfe_error("AuthenticationFailed", "no")),
    ],
)
@pytest.mark.parametrize("progress", [Progress(), POLLING, SETTLING])
def test_refused_certificate_fails_nothing(reply: Reply, progress: Progress) -> None:
    step = decide(case(PUT_COLLECTION, progress, now=DEADLINE), reply)

    assert isinstance(step, Refused)
    assert step.progress.phase == progress.phase


def test_other_403_is_a_refusal_of_the_command() -> None:
    assert (
        code_of(decide(case(), answer(403, rdfe_error("ForbiddenError", "no")))) == "ForbiddenError"
    )


@pytest.mark.parametrize("command", [DELETE_JOB, DELETE_COLLECTION])
def test_deletion_of_what_is_gone_succeeds_only_after_an_unknown_outcome(command: str) -> None:
    gone = answer(404, json_error("NotFound", "gone"))

    assert ended(decide(case(command, UNKNOWN), gone)).status is OperationStatus.SUCCEEDED
    assert ended(decide(case(command), gone)).status is OperationStatus.FAILED
    assert ended(decide(case(PUT_JOB, UNKNOWN), gone)).status is OperationStatus.FAILED


@pytest.mark.parametrize("command", [DELETE_JOB, DELETE_COLLECTION])
def test_server_that_recognises_repeats_is_believed_when_it_says_gone(command: str) -> None:
    body = json_error("NotFound", "gone")
    gone = RestResponse(status=404, headers={"repeatability-result": "accepted"}, body=body)

    assert ended(decide(case(command, UNKNOWN), gone)).status is OperationStatus.FAILED


def test_run_that_is_answered_with_nothing_has_succeeded_without_a_result() -> None:
    end = ended(decide(case(RUN_JOB), answer(200)))

    assert (end.status, end.http_status) == (OperationStatus.SUCCEEDED, 200)
    assert (end.result, end.error) == (None, None)


@pytest.mark.parametrize("progress", [UNTRIED, UNKNOWN])
@pytest.mark.parametrize(("status", "code"), [(404, "NotFound"), (409, "Conflict")])
def test_run_of_a_job_that_is_gone_or_final_fails_in_the_words_of_the_service(
    progress: Progress, status: int, code: str
) -> None:
    step = decide(case(RUN_JOB, progress), answer(status, json_error(code, "no")))

    assert (code_of(step), ended(step).http_status) == (code, status)


def test_run_shows_in_no_job_so_that_its_outcome_stays_unknown() -> None:
    job = json.dumps({"id": "j", "state": "enabled", "status": {"executionCount": 1}}).encode()
    sent = later(decide(case(RUN_JOB, UNKNOWN, now=DEADLINE), OutcomeUnknownError("no answer")))

    assert sent.progress.phase is Phase.SETTLE
    for found in (answer(200, job), answer(404, json_error("NotFound", "gone"))):
        assert code_of(decide(case(RUN_JOB, sent.progress), found)) == "OutcomeUnknown"


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


REPLIES = st.one_of(
    st.builds(
        RestResponse,
        status=st.integers(100, 599),
        headers=st.dictionaries(
            st.sampled_from(["retry-after", "x-ms-request-id", "other"]), st.text(max_size=20)
        ),
        body=st.binary(max_size=60)
        | st.sampled_from([rdfe_error("C", "m"), json_error("C", "m"), b"null", b"[]", b'"\xff"']),
    ),
    st.builds(OutcomeUnknownError, st.text(max_size=5)),
    st.builds(TransientError, st.text(max_size=5)),
    st.builds(AuthenticationError, st.text(max_size=5)),
)
PROGRESSES = st.builds(
    Progress,
    phase=st.sampled_from(Phase),
    request_id=st.just(REQUEST_ID),
    failures=st.integers(0, 10_000),
    polls=st.integers(0, 10_000),
    missing_since=st.none() | st.just(NOW - timedelta(seconds=30)),
    is_outcome_unknown=st.booleans(),
)


@given(
    command=st.sampled_from(list(RESOURCES)),
    progress=PROGRESSES,
    reply=REPLIES,
    ahead=st.integers(-3600, 90_000),
    chance=st.floats(0, 1),
)
def test_p2_every_answer_of_any_server_is_decided(
    command: str, progress: Progress, reply: Reply, ahead: int, chance: float
) -> None:
    """A step ends, goes on neither in the past nor beyond the deadline, or is a refusal; after the deadline only the
    bounded looks at the resource are left."""
    now = NOW + ahead * SECOND
    present = case(command, progress, now=now, sent={}, chance=chance)

    step = decide(present, reply)

    match step:
        case Ended():
            assert step.status in (OperationStatus.SUCCEEDED, OperationStatus.FAILED)
            assert (step.error is None) == (step.status is OperationStatus.SUCCEEDED)
        case Later():
            assert step.due_at >= now
            assert step.due_at <= max(DEADLINE, now + timedelta(seconds=60))
            assert now < DEADLINE or step.progress.phase is Phase.SETTLE
        case Refused():
            assert step.progress.phase == progress.phase
