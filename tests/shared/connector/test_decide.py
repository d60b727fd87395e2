"""What follows from each answer, in tables, and the laws that hold for all of them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.scheduler import OutcomeUnknownError, RestResponse
from shared.connector.case import Refused
from shared.connector.decide import after_unknown, decide
from shared.connector.deployment import Reply
from shared.connector.operations import Ended, Later, OperationStatus, Phase, Progress
from shared.errors import AuthenticationError, TransientError
from shared.wire.catalogue import CATALOGUE
from shared.wire.errors import json_error, rdfe_error
from tests.shared.connector.cases import (
    DEADLINE,
    DELETE_COLLECTION,
    DELETE_JOB,
    DISABLE,
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
    at_another_server,
    case,
    code_of,
    ended,
    later,
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


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (PUT_COLLECTION, Phase.SEND),
        (DELETE_JOB, Phase.SEND),
        (DELETE_COLLECTION, Phase.SEND),
        ("CreateOrUpdateCloudService", Phase.SEND),
        ("RegisterResourceProvider", Phase.SEND),
        (PUT_JOB, Phase.VERIFY),
        ("UpdateJobCollection", Phase.VERIFY),
        (RUN_JOB, None),
        ("EntitleResource", None),
    ],
)
@pytest.mark.parametrize("reply", [OutcomeUnknownError("no answer"), answer(500), answer(408)])
def test_catalogue_says_what_follows_an_unknown_outcome_at_another_server(
    command: str, found: Phase | None, reply: Reply
) -> None:
    step = decide(at_another_server(case(command)), reply)
    here = later(decide(case(command), reply))

    assert here.progress.phase is Phase.SEND
    if found is None:
        assert code_of(step) == "OutcomeUnknown"
    else:
        assert later(step).progress == replace(here.progress, phase=found)
        assert later(step).due_at == NOW + SECOND


@pytest.mark.parametrize("reply", [answer(429), answer(503), TransientError("no connection")])
@pytest.mark.parametrize("command", [PUT_JOB, RUN_JOB])
def test_what_was_certainly_not_done_is_sent_again_everywhere(command: str, reply: Reply) -> None:
    step = later(decide(at_another_server(case(command)), reply))

    assert step.progress == Progress(failures=1)


@pytest.mark.parametrize(
    ("command", "phase"), [(PUT_JOB, Phase.VERIFY), (DELETE_JOB, Phase.SEND), (RUN_JOB, None)]
)
def test_crash_after_sending_is_an_unknown_outcome_too(command: str, phase: Phase | None) -> None:
    assignment = case(command, UNKNOWN).assignment
    endpoint = CATALOGUE[command]

    elsewhere = after_unknown(assignment, endpoint, recognises_repeats=False)

    assert after_unknown(assignment, endpoint, recognises_repeats=True) == assignment
    if phase is None:
        assert code_of(ended(elsewhere)) == "OutcomeUnknown"  # type: ignore[arg-type]
    else:
        assert elsewhere == replace(assignment, progress=replace(UNKNOWN, phase=phase))


@pytest.mark.parametrize("phase", [Phase.POLL, Phase.VERIFY, Phase.SETTLE])
def test_only_what_would_be_sent_again_is_thought_over(phase: Phase) -> None:
    assignment = case(RUN_JOB, replace(UNKNOWN, phase=phase)).assignment

    assert after_unknown(assignment, CATALOGUE[RUN_JOB], recognises_repeats=False) == assignment


def test_registered_by_then_is_registered() -> None:
    conflict = answer(409, rdfe_error("ConflictError", "already registered"))
    command = "RegisterResourceProvider"

    unknown, known = (
        decide(at_another_server(case(command, progress)), conflict)
        for progress in (UNKNOWN, UNTRIED)
    )

    assert ended(unknown).status is OperationStatus.SUCCEEDED
    assert code_of(known) == "ConflictError"


def test_what_nothing_shows_is_unknown_at_the_deadline() -> None:
    present = case("EntitleResource", UNKNOWN, now=DEADLINE)

    assert code_of(decide(present, OutcomeUnknownError("no answer"))) == "OutcomeUnknown"


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
