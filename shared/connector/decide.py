"""What follows from one answer of the Scheduler, or from none: pure.

SEND makes the change. A synchronous one is done by its answer; an asynchronous one goes on as POLL. What follows when
nobody knows whether a change was made is said by the catalogue, unless the server recognises repeats: then they are
safe. Each step ends in exactly one of: the operation has ended, it goes on later, the endpoint refuses us.
"""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from shared.client.scheduler import OutcomeUnknownError, RestResponse
from shared.connector import answers
from shared.connector.backoff import back_off, poll_delay
from shared.connector.case import (
    TRY_AGAIN,
    Case,
    Refused,
    Step,
    failed,
    outcome_unknown,
    succeeded,
)
from shared.connector.deployment import Reply
from shared.connector.looks import after_look, after_poll, after_verification
from shared.connector.operations import Assignment, Ended, OperationError, Phase, Progress
from shared.errors import AuthenticationError, TransientError
from shared.outbound.retry_after import retry_after_of
from shared.wire.endpoint import AfterUnknown, Endpoint

REGISTER = ("action", "register")

NOTHING_DONE = frozenset({429, 503})
"""Answers by which a server says that it has not begun."""


def decide(case: Case, reply: Reply) -> Step:
    """Return what becomes of the operation after `reply` to its present phase's request."""
    refusal = refused(case, reply)
    if refusal is not None:
        return refusal
    assert not isinstance(reply, AuthenticationError)
    match case.progress.phase:
        case Phase.SEND:
            return after_send(case, reply)
        case Phase.POLL:
            return after_poll(case, reply)
        case Phase.VERIFY:
            return after_verification(case, reply)
        case Phase.SETTLE:
            return after_look(case, reply)
        case _ as never:
            assert_never(never)


def refused(case: Case, reply: Reply) -> Refused | None:
    """Return a refusal of our certificate, however it shows."""
    if isinstance(reply, AuthenticationError):
        # A server that died at that instant looks the same, so something may have been done.
        return Refused(reply.message, replace(case.progress, is_outcome_unknown=True))
    if isinstance(reply, RestResponse) and reply.status in (401, 403):
        error = answers.error_of(reply)
        if reply.status == 401 or error.code == AuthenticationError.default_code:
            return Refused(f"{error.code}: {error.message}", case.progress)
    return None


def after_unknown(
    assignment: Assignment, endpoint: Endpoint, *, recognises_repeats: bool
) -> Assignment | Ended:
    """Return how an operation goes on whose change may have been made; any other goes on as it is."""
    progress = assignment.progress
    is_open = progress.phase is Phase.SEND and progress.is_outcome_unknown
    if not is_open or recognises_repeats or endpoint.is_read:
        return assignment
    match endpoint.after_unknown:
        case AfterUnknown.REPEAT:
            return assignment
        case AfterUnknown.VERIFY:
            return replace(assignment, progress=replace(progress, phase=Phase.VERIFY))
        case AfterUnknown.GIVE_UP:
            return outcome_unknown("it must not be made twice")
        case _ as never:
            assert_never(never)


def after_send(case: Case, reply: RestResponse | TransientError) -> Step:
    if isinstance(reply, TransientError):
        is_unknown = case.progress.is_outcome_unknown or isinstance(reply, OutcomeUnknownError)
        return try_again(case, error_from(reply), is_unknown=is_unknown)
    if case.endpoint.is_success(reply.status):
        return after_success(case, reply)
    if reply.status in TRY_AGAIN or reply.status >= 500:
        is_unknown = case.progress.is_outcome_unknown or reply.status not in NOTHING_DONE
        return try_again(
            case,
            answers.error_of(reply),
            is_unknown=is_unknown,
            http_status=reply.status,
            retry_after=retry_after_of(reply.headers, now=case.now),
        )
    # A server that recognises repeats has answered the first attempt again, so it means what it says.
    is_recognised = reply.headers.get("repeatability-result") == "accepted"
    was_sent = case.progress.is_outcome_unknown and not is_recognised
    if was_sent and shows_it_is_done(case.endpoint, reply.status):
        return succeeded(reply.status)
    return failed(answers.error_of(reply), http_status=reply.status)


def shows_it_is_done(endpoint: Endpoint, status: int) -> bool:
    """Whether a refusal says that there is nothing left to do: gone by then, or registered by then."""
    if endpoint.method == "DELETE":
        return status == 404
    return endpoint.selector == REGISTER and status == 409


def after_success(case: Case, reply: RestResponse) -> Step:
    if not case.endpoint.goes_on(reply.status):
        return answers.end_of(case.endpoint, reply)
    request_id = reply.headers.get("x-ms-request-id")
    if not request_id:
        return case.settle()
    progress = Progress(phase=Phase.POLL, request_id=request_id, polls=case.progress.polls)
    return case.later(progress, poll_delay(progress.polls))


def try_again(
    case: Case,
    error: OperationError,
    *,
    is_unknown: bool,
    http_status: int | None = None,
    retry_after: timedelta | None = None,
) -> Step:
    progress = replace(
        case.progress, failures=case.progress.failures + 1, is_outcome_unknown=is_unknown
    )
    if case.is_over:
        is_open = is_unknown and not case.endpoint.is_read
        return case.settle() if is_open else failed(error, http_status=http_status)
    following = after_unknown(
        replace(case.assignment, progress=progress),
        case.endpoint,
        recognises_repeats=case.recognises_repeats,
    )
    if isinstance(following, Ended):
        return following
    wait = back_off(case.progress.failures, chance=case.chance, retry_after=retry_after)
    return case.later(following.progress, wait)


def error_from(error: TransientError) -> OperationError:
    return OperationError(code=error.code, message=error.message)
