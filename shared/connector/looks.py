"""What follows from a look: at the service's own operation, or at the resource; pure.

POLL looks at the service's operation. VERIFY looks at the resource before a change that may have been made is made
again, at a server that would not recognise it: equal is success, and what is not there is sent again. Of an update it
waits until the service is done with the collection, and only the old ETag shows that nobody has changed it since.
SETTLE looks at the resource when nothing else tells how a change ended; one that the resource does not show, and that
may be made twice, is made again.
"""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from shared.client.scheduler import RestResponse
from shared.connector import answers
from shared.connector.backoff import back_off, poll_delay
from shared.connector.case import TRY_AGAIN, Case, Step, failed, outcome_unknown, succeeded
from shared.connector.comparison import collection_of, shows
from shared.connector.operations import Ended
from shared.errors import TransientError
from shared.outbound.retry_after import retry_after_of
from shared.wire.job_collection import OperationResult
from shared.wire.operation import Operation as ServiceOperation
from shared.wire.operation import OperationStatus as ServiceStatus

MISSING_FOR = timedelta(seconds=60)
LOOKS_AT_RESOURCE = 5


def after_poll(case: Case, reply: RestResponse | TransientError) -> Step:
    if isinstance(reply, TransientError):
        return look_again_later(case)
    if reply.status == 404:
        return after_missing(case)
    if reply.status != 200:
        retry_after = retry_after_of(reply.headers, now=case.now)
        return look_again_later(case, retry_after) if is_passing(reply) else case.settle()
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


def after_verification(case: Case, reply: RestResponse | TransientError) -> Step:
    if isinstance(reply, TransientError):
        return look_again_later(case)
    if is_passing(reply):
        return look_again_later(case, retry_after_of(reply.headers, now=case.now))
    if case.is_over:
        return after_look(case, reply)
    if reply.status == 200 and shows(case.endpoint, case.sent, reply):
        return found_done(case, reply)
    if case.endpoint.conditional:
        return after_other_collection(case, reply)
    return case.send_again()


def after_other_collection(case: Case, reply: RestResponse) -> Step:
    """Decide on an update by a collection that is not, or not yet, what it was to become."""
    collection = collection_of(reply) if reply.status == 200 else None
    if collection is None:
        return outcome_unknown("the collection could not be read")
    if collection.operation_result is OperationResult.IN_PROGRESS:
        polls = case.progress.polls + 1
        return case.later(replace(case.progress, polls=polls, failures=0), poll_delay(polls))
    if collection.etag == case.assignment.if_match:
        return case.send_again()
    return outcome_unknown("the collection has been changed since, to something else")


def look_again_later(case: Case, retry_after: timedelta | None = None) -> Step:
    if case.is_over:
        return case.settle()
    failures = case.progress.failures
    wait = back_off(failures, chance=case.chance, retry_after=retry_after)
    return case.later(replace(case.progress, failures=failures + 1), wait)


def after_look(case: Case, reply: RestResponse | TransientError) -> Step:
    if isinstance(reply, TransientError) or is_passing(reply):
        failures = case.progress.failures
        if failures + 1 >= LOOKS_AT_RESOURCE:
            return outcome_unknown("the resource could not be read either")
        progress = replace(case.progress, failures=failures + 1)
        return case.later(progress, back_off(failures, chance=case.chance))
    if case.endpoint.method == "DELETE":
        if reply.status == 404:
            return succeeded(reply.status)
        return outcome_unknown("the resource is still there")
    if reply.status == 200 and shows(case.endpoint, case.sent, reply):
        return succeeded(reply.status)
    return outcome_unknown("the resource does not show the change")


def found_done(case: Case, reply: RestResponse) -> Ended:
    """Return the success that a look at the resource has found."""
    seen = answers.end_of(answers.READS[case.endpoint.resource], reply)
    return Ended(status=succeeded(200).status, http_status=200, result=seen.result)


def is_passing(reply: RestResponse) -> bool:
    return reply.status in TRY_AGAIN or reply.status >= 500
