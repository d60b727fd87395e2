"""Every error of the classic surface that can occur here, by status and code, and how to come by it.

Of the table in contract section A.0 three cannot: SubscriptionDisabled, since a subscription is a certificate and no
more; TemporaryRedirect, since there is one front end; OperationTimedOut, since what goes on goes on until it ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from shared.messaging.entities import SERVICE_OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.scheduler.service.operation_steps import MAX_UNRECORDED
from shared.wire.errors import read_error
from shared.wire.json_types import Json
from tests.clocks import settle
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC,
    JC_PASSED,
    JOB,
    JOBS,
    ROOT,
    VERSION,
    Reply,
    Stack,
    job_collection,
)
from tests.shared.wire.test_provider import ENTITLEMENT

COLLECTIONS = f"{CS}/resources/scheduler/JobCollections"
REGISTER = f"{ROOT}/services?service=scheduler.JobCollections&action=register"
QUOTA = "<Quota><MaxJobCount>{jobs}</MaxJobCount></Quota>"
MINUTELY: dict[str, Json] = JOB | {"recurrence": {"frequency": "minute"}}
MISSING_PARAMETER = "MissingOrInvalidRequiredQueryParameter"
WEEKLY_ON_A_DAY_OF_THE_MONTH: dict[str, Json] = JOB | {
    "recurrence": {"frequency": "week", "schedule": {"monthDays": [1]}}
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request that is refused in the state that `stack` is in when there is a collection with a job `a`."""

    method: str
    target: str
    body: Any = b""
    headers: dict[str, str] = field(default_factory=lambda: dict(VERSION))
    status: int
    code: str
    is_xml: bool = True
    scope: dict[str, Any] = field(default_factory=dict)


def front_end(
    method: str, target: str, body: Any = b"", *, status: int = 400, code: str, **more: Any
) -> Case:
    return Case(method=method, target=target, body=body, status=status, code=code, **more)


def passed(
    method: str, target: str, body: Any = b"", *, status: int = 400, code: str, **more: Any
) -> Case:
    return Case(
        method=method, target=target, body=body, status=status, code=code, is_xml=False, **more
    )


CASES = {
    "version missing": front_end("GET", CS, code="MissingOrIncorrectVersionHeader", headers={}),
    "version of another form": front_end(
        "GET", CS, code="MissingOrIncorrectVersionHeader", headers={"x-ms-version": "1"}
    ),
    "version before the first": front_end(
        "GET", CS, code="MissingOrIncorrectVersionHeader", headers={"x-ms-version": "2012-12-01"}
    ),
    # Said by the front end before it looks where the path goes.
    "version missing behind ~": front_end(
        "GET", JOBS, code="MissingOrIncorrectVersionHeader", headers={}
    ),
    "no certificate": front_end(
        "GET", CS, status=403, code="AuthenticationFailed", scope={"extensions": {}}
    ),
    "no certificate behind ~": front_end(
        "GET", JOBS, status=403, code="AuthenticationFailed", scope={"extensions": {}}
    ),
    "another subscription": front_end(
        "GET", CS.replace("1/cloud", "2/cloud"), status=403, code="AuthenticationFailed"
    ),
    "no body": front_end("PUT", CS, code="InvalidXmlRequest"),
    "not well-formed": front_end("PUT", CS, "<CloudService>", code="InvalidXmlRequest"),
    # Node's client escapes nothing.
    "a bare ampersand": front_end(
        "PUT", CS, CLOUD_SERVICE.replace(">label", ">l & m"), code="InvalidXmlRequest"
    ),
    "a document type": front_end(
        "PUT", CS, f"<!DOCTYPE CloudService>{CLOUD_SERVICE}", code="InvalidXmlRequest"
    ),
    "another root": front_end("PUT", JC, CLOUD_SERVICE, code="InvalidXmlRequest"),
    "JSON where XML is due": front_end("PUT", JC, JOB, code="InvalidXmlRequest"),
    "entitlement not well-formed": front_end(
        "POST", f"{ROOT}/EntitleResource", "<E", code="InvalidXmlRequest"
    ),
    "entitlement without a type": front_end(
        "POST",
        f"{ROOT}/EntitleResource",
        ENTITLEMENT.replace("Type>", "Kind>"),
        code="BadRequest",
    ),
    "no label": front_end(
        "PUT", CS, CLOUD_SERVICE.replace("<Label>label</Label>", ""), code="BadRequest"
    ),
    "a long label": front_end(
        "PUT", CS, CLOUD_SERVICE.replace(">label", f">{'l' * 101}"), code="BadRequest"
    ),
    "a long description": front_end(
        "PUT", CS, CLOUD_SERVICE.replace(">description", f">{'d' * 1025}"), code="BadRequest"
    ),
    "an unknown region": front_end(
        "PUT", CS, CLOUD_SERVICE.replace("West Europe", "Atlantis"), code="BadRequest"
    ),
    "a long name": front_end("PUT", f"{CS}{'x' * 100}", CLOUD_SERVICE, code="BadRequest"),
    "a collection's name": front_end("PUT", f"{COLLECTIONS}/1", job_collection(), code="BadRequest"),
    "an unknown plan": front_end("PUT", JC, job_collection("Gold"), code="BadRequest"),
    "a quota above the plan": front_end(
        "PUT", JC, job_collection(quota=QUOTA.format(jobs=51)), code="BadRequest"
    ),
    "an endless URL": front_end("GET", f"{CS}?{'x' * 9000}", code="BadRequest"),
    "an endless body": front_end("PUT", CS, b" " * 70_000, code="BadRequest"),
    "half of repeatability": front_end(
        "PUT",
        CS,
        CLOUD_SERVICE,
        code="BadRequest",
        headers={**VERSION, "Repeatability-Request-ID": "x"},
    ),
    "name check without a name": front_end(
        "GET", f"{COLLECTIONS}?op=checknameavailability", code=MISSING_PARAMETER
    ),
    "a list of collections": front_end("GET", COLLECTIONS, code=MISSING_PARAMETER),
    "registration without an action": front_end(
        "PUT", f"{ROOT}/services?service=scheduler.JobCollections", code=MISSING_PARAMETER
    ),
    "registration without a service": front_end(
        "PUT", f"{ROOT}/services?action=register", code=MISSING_PARAMETER
    ),
    "properties of no type": front_end(
        "GET", f"{ROOT}/resourceproviders/scheduler/Properties", code=MISSING_PARAMETER
    ),
    "a verb that is not there": front_end("POST", CS, code="InvalidHttpVerb"),
    "a verb that nobody knows": front_end("BREW", CS, code="InvalidHttpVerb"),
    "a verb that is not there behind ~": passed("POST", f"{JOBS}/a", code="InvalidHttpVerb"),
    "a second free collection": front_end(
        "PUT", f"{JC}x", job_collection("Free"), status=403, code="ForbiddenError"
    ),
    "no such path": front_end("GET", f"{ROOT}/nowhere", status=404, code="ResourceNotFound"),
    "no such cloud service": front_end("GET", f"{CS}x", status=404, code="ResourceNotFound"),
    "deletion of no cloud service": front_end(
        "DELETE", f"{CS}x", status=404, code="ResourceNotFound"
    ),
    "deletion of no collection": front_end(
        "DELETE", f"{JC}x", status=404, code="ResourceNotFound"
    ),
    "a collection in no cloud service": front_end(
        "PUT", JC.replace("cs1", "cs2"), job_collection(), status=404, code="ResourceNotFound"
    ),
    "no such operation": front_end(
        "GET", f"{ROOT}/operations/{'f' * 32}", status=404, code="ResourceNotFound"
    ),
    "no such service": front_end(
        "PUT", f"{ROOT}/services?service=website&action=register", status=404,
        code="ResourceNotFound",
    ),
    "no such provider": front_end(
        "GET", f"{ROOT}/resourceproviders/x/Properties", status=404, code="ResourceNotFound"
    ),
    "registered twice": front_end("PUT", REGISTER, status=409, code="ConflictError"),
    "a cloud service elsewhere": front_end(
        "PUT", CS, CLOUD_SERVICE.replace("West", "North"), status=409, code="ConflictError"
    ),
    "a quota below the jobs": front_end(
        "PUT",
        JC,
        job_collection("Standard", "<Quota><MaxRecurrence><Frequency>Day</Frequency>"
            "<Interval>1</Interval></MaxRecurrence></Quota>"),
        status=409,
        code="ConflictError",
    ),
    "a stale tag": front_end(
        "PUT",
        JC,
        job_collection(),
        status=412,
        code="PreconditionFailed",
        headers={**VERSION, "If-Match": "stale"},
    ),
    "no such collection": passed("GET", f"{JC_PASSED}x", status=404, code="ResourceNotFound"),
    "no such job": passed("GET", f"{JOBS}/b", status=404, code="NotFound"),
    "history of no job": passed("GET", f"{JOBS}/b/history", status=404, code="NotFound"),
    "jobs of no collection": passed(
        "PATCH", JOBS.replace("jc1", "jc2"), {"state": "enabled"}, status=404,
        code="ResourceNotFound",
    ),
    "no job": passed("PUT", f"{JOBS}/b", code="BadRequest"),
    "XML where JSON is due": passed("PUT", f"{JOBS}/b", CLOUD_SERVICE, code="BadRequest"),
    "a large job": passed("PUT", f"{JOBS}/b", b'{"a":"' + b"x" * 17_000 + b'"}', code="BadRequest"),
    "another id": passed("PUT", f"{JOBS}/b", JOB | {"id": "c"}, code="BadRequest"),
    "an id that is none": passed("PUT", f"{JOBS}/..", JOB, code="BadRequest"),
    "a final state": passed("PATCH", f"{JOBS}/a", {"state": "completed"}, code="BadRequest"),
    "a status": passed("PATCH", f"{JOBS}/a", {"status": {}}, code="BadRequest"),
    "no state for all": passed("PATCH", JOBS, {}, code="BadRequest"),
    "a schedule that is not the week's": passed(
        "PUT", f"{JOBS}/b", WEEKLY_ON_A_DAY_OF_THE_MONTH, code="BadRequest"
    ),
    "too large a page": passed("GET", f"{JOBS}/a/history?$top=101", code="BadRequest"),
    "a filter that is none": passed("GET", f"{JOBS}?$filter=state", code="BadRequest"),
    "a job too many": passed("PUT", f"{JOBS}/b", JOB, status=409, code="Conflict"),
    "a job that has ended": passed("PUT", f"{JOBS}/once", JOB, status=409, code="Conflict"),
}  # fmt: skip


async def prepare(stack: Stack) -> None:
    """Make what the cases are about: two jobs, one has run, in a collection that may have two; a free one; a type."""
    await stack.prepare(quota=QUOTA.format(jobs=2))
    await stack.call("PUT", f"{JOBS}/a", MINUTELY)
    await stack.call("PUT", f"{JOBS}/once", JOB)
    await stack.engine.step(timedelta(seconds=20))
    await stack.call("PUT", f"{COLLECTIONS}/free", job_collection("Free"))
    await stack.call("PUT", REGISTER)
    await stack.work()


def check(reply: Reply, *, status: int, code: str, is_xml: bool) -> None:
    """An error is in the form of whoever answers, with a sentence, and with headers that let a client read it."""
    error = read_error(reply.body)
    assert error is not None
    assert (reply.status, error.code) == (status, code)
    assert len(error.message) > 10
    form = "xml" if is_xml else "json"
    assert reply.headers["content-type"] == f"application/{form}; charset=utf-8"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert len(reply.request_id) == 32


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_request_is_refused_with_the_documented_status_and_code(
    stack: Stack, case: Case
) -> None:
    await prepare(stack)

    reply = await stack.call(case.method, case.target, case.body, case.headers, **case.scope)

    check(reply, status=case.status, code=case.code, is_xml=case.is_xml)


Way: TypeAlias = Callable[[Stack], Awaitable[Reply]]


async def while_it_is_deleted(stack: Stack) -> Reply:
    await stack.call("DELETE", JC)
    return await stack.call("PUT", JC, job_collection())


async def of_a_job_while_its_collection_is_deleted(stack: Stack) -> Reply:
    await stack.call("DELETE", CS)
    return await stack.call("PUT", f"{JOBS}/a", JOB)


async def in_a_stopped_collection(stack: Stack) -> Reply:
    await stack.call("POST", f"{JC_PASSED}/disable")
    return await stack.call("POST", f"{JOBS}/a/run")


async def with_a_database_that_is_gone(stack: Stack) -> Reply:
    await stack.database.close()
    return await stack.call("GET", CS)


async def with_a_step_that_kills(stack: Stack) -> Reply:
    """Ask for what ends every process that carries it out."""

    async def exhaust() -> None:
        (message,) = await stack.broker.peek(SERVICE_OPERATIONS, max_messages=10)
        id = WakeUp.decode(message.message.body).id
        for _ in range(MAX_UNRECORDED):
            now = stack.clock.now()
            await stack.database.run(lambda tx, now=now: stack.store.work.take(tx, id, now=now))  # type: ignore[misc]
            stack.clock.set(now + timedelta(seconds=91))

    stack.bell.meanwhile = [exhaust]
    asking = asyncio.create_task(stack.call("POST", f"{JC_PASSED}/disable"))
    await settle()
    return await asking


WAYS: dict[str, tuple[Way, int, str, bool]] = {
    "while it is deleted": (while_it_is_deleted, 409, "ConflictError", True),
    "of a job meanwhile": (of_a_job_while_its_collection_is_deleted, 409, "ConflictError", False),
    "in a stopped collection": (in_a_stopped_collection, 409, "Conflict", False),
    "without a database": (with_a_database_that_is_gone, 503, "ServerBusy", True),
    "with a step that kills": (with_a_step_that_kills, 500, "InternalError", False),
}


@pytest.mark.parametrize(("way", "status", "code", "is_xml"), WAYS.values(), ids=WAYS)
async def test_what_is_not_possible_now_is_refused_with_the_documented_status_and_code(
    stack: Stack, way: Way, status: int, code: str, is_xml: bool
) -> None:
    await prepare(stack)

    check(await way(stack), status=status, code=code, is_xml=is_xml)


def test_every_code_of_the_contract_that_can_occur_is_provoked() -> None:
    provoked = {(one.status, one.code) for one in CASES.values()}
    provoked |= {(status, code) for _, status, code, _ in WAYS.values()}

    assert provoked == {
        (400, "BadRequest"),
        (400, "InvalidHttpVerb"),
        (400, "InvalidXmlRequest"),
        (400, "MissingOrIncorrectVersionHeader"),
        (400, "MissingOrInvalidRequiredQueryParameter"),
        (403, "AuthenticationFailed"),
        (403, "ForbiddenError"),
        (404, "NotFound"),
        (404, "ResourceNotFound"),
        (409, "Conflict"),
        (409, "ConflictError"),
        (412, "PreconditionFailed"),
        (500, "InternalError"),
        (503, "ServerBusy"),
    }
