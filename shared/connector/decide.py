"""What follows from one answer of the Scheduler, or from none: pure.

SEND makes the change. A synchronous one is done by its answer; an asynchronous one goes on as POLL, looking at the
service's own operation. SETTLE looks at the resource itself, when nothing else tells how a change ended. Each step
ends in exactly one of: the operation has ended, it goes on later, the endpoint refuses us.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from shared.client.scheduler import OutcomeUnknownError, RestResponse
from shared.connector import answers
from shared.connector.backoff import back_off, poll_delay
from shared.connector.deployment import Reply
from shared.connector.operations import (
    Assignment,
    Ended,
    Later,
    OperationError,
    OperationStatus,
    Phase,
    Progress,
)
from shared.errors import AuthenticationError, TransientError
from shared.outbound.retry_after import retry_after_of
from shared.wire.endpoint import Endpoint
from shared.wire.json_types import Json
from shared.wire.operation import Operation as ServiceOperation
from shared.wire.operation import OperationStatus as ServiceStatus

OUTCOME_UNKNOWN = "OutcomeUnknown"
MISSING_FOR = timedelta(seconds=60)
LOOKS_AT_RESOURCE = 5
TRY_AGAIN = frozenset({408, 429})
NOTHING_DONE = frozenset({429, 503})
"""Answers by which a server says that it has not begun."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint refuses our certificate; the operation waits for better times."""

    reason: str
    progress: Progress


Step: TypeAlias = Later | Ended | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a decision is made on; `chance` is a number from 0 to 1."""

    endpoint: Endpoint
    sent: Json
    assignment: Assignment
    now: datetime
    chance: float

    @property
    def progress(self) -> Progress:
        return self.assignment.progress

    @property
    def is_over(self) -> bool:
        return self.now >= self.assignment.deadline_at

    def later(self, progress: Progress, wait: timedelta) -> Later:
        """Go on after `wait`; the last try is at the deadline."""
        deadline = self.assignment.deadline_at
        due_at = self.now + wait if self.is_over else min(self.now + wait, deadline)
        return Later(progress=progress, due_at=due_at, deadline_at=deadline)

    def settle(self) -> Later:
        """Look at the resource at once."""
        progress = replace(self.progress, phase=Phase.SETTLE, failures=0)
        return self.later(progress, timedelta())


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
    is_gone = case.endpoint.method == "DELETE" and reply.status == 404
    # A server that recognises repeats has answered the first attempt again, so it means what it says.
    is_ours = reply.headers.get("repeatability-result") == "accepted"
    if is_gone and case.progress.is_outcome_unknown and not is_ours:
        return succeeded(reply.status)
    return failed(answers.error_of(reply), http_status=reply.status)


def after_success(case: Case, reply: RestResponse) -> Step:
    if not case.endpoint.goes_on(reply.status):
        return answers.end_of(case.endpoint, reply)
    request_id = reply.headers.get("x-ms-request-id")
    if not request_id:
        return case.settle()
    progress = Progress(phase=Phase.POLL, request_id=request_id)
    return case.later(progress, poll_delay(0))


def after_poll(case: Case, reply: RestResponse | TransientError) -> Step:
    if isinstance(reply, TransientError):
        return look_again_later(case)
    if reply.status == 404:
        return after_missing(case)
    if reply.status != 200:
        is_passing = reply.status in TRY_AGAIN or reply.status >= 500
        retry_after = retry_after_of(reply.headers, now=case.now)
        return look_again_later(case, retry_after) if is_passing else case.settle()
    operation = answers.service_operation_of(reply)
    return case.settle() if operation is None else after_status(case, operation)


def after_missing(case: Case) -> Step:
    since = case.progress.missing_since or case.now
    if case.is_over or case.now - since >= MISSING_FOR:
        return case.settle()
    polls = case.progress.polls + 1
    return case.later(replace(case.progress, missing_since=since, polls=polls), poll_delay(polls))


def after_status(case: Case, operation: ServiceOperation) -> Step:
    match operation.status:
        case ServiceStatus.SUCCEEDED:
            return succeeded(operation.http_status_code or 200)
        case ServiceStatus.FAILED:
            error = answers.error_in(operation)
            return failed(error, http_status=operation.http_status_code)
        case ServiceStatus.IN_PROGRESS if case.is_over:
            return case.settle()
        case ServiceStatus.IN_PROGRESS:
            polls = case.progress.polls + 1
            progress = replace(case.progress, polls=polls, failures=0, missing_since=None)
            return case.later(progress, poll_delay(polls))
        case _ as never:
            assert_never(never)


def look_again_later(case: Case, retry_after: timedelta | None = None) -> Step:
    if case.is_over:
        return case.settle()
    failures = case.progress.failures
    wait = back_off(failures, chance=case.chance, retry_after=retry_after)
    return case.later(replace(case.progress, failures=failures + 1), wait)


def after_look(case: Case, reply: RestResponse | TransientError) -> Step:
    if isinstance(reply, TransientError) or reply.status in TRY_AGAIN or reply.status >= 500:
        failures = case.progress.failures
        if failures + 1 >= LOOKS_AT_RESOURCE:
            return outcome_unknown("the resource could not be read either")
        progress = replace(case.progress, failures=failures + 1)
        return case.later(progress, back_off(failures, chance=case.chance))
    if case.endpoint.method == "DELETE":
        if reply.status == 404:
            return succeeded(reply.status)
        return outcome_unknown("the resource is still there")
    if reply.status == 200 and answers.shows(case.endpoint, case.sent, reply):
        return succeeded(reply.status)
    return outcome_unknown("the resource does not show the change")


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
    wait = back_off(case.progress.failures, chance=case.chance, retry_after=retry_after)
    return case.later(progress, wait)


def error_from(error: TransientError) -> OperationError:
    return OperationError(code=error.code, message=error.message)


def succeeded(http_status: int) -> Ended:
    return Ended(status=OperationStatus.SUCCEEDED, http_status=http_status)


def failed(error: OperationError, *, http_status: int | None = None) -> Ended:
    return Ended(status=OperationStatus.FAILED, http_status=http_status, error=error)


def outcome_unknown(found: str) -> Ended:
    message = f"the Scheduler did not say how the change ended, and {found}"
    return failed(OperationError(code=OUTCOME_UNKNOWN, message=message))
