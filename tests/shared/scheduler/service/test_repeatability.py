from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from shared.clock import EPOCH
from shared.errors import InvalidRequestError, PreconditionFailedError
from shared.scheduler.service.repeatability import repeatable_id
from tests.clocks import START
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JOB,
    JOBS,
    ROOT,
    VERSION,
    Stack,
)

ID = "0f1e2d3c-0000-0000-0000-000000000001"


def headers(id: bytes | None = ID.encode(), sent: datetime | None = START) -> dict[bytes, bytes]:
    given = {}
    if id is not None:
        given[b"repeatability-request-id"] = id
    if sent is not None:
        given[b"repeatability-first-sent"] = format_datetime(sent, usegmt=True).encode()
    return given


def test_all_attempts_share_one_request_id() -> None:
    first = repeatable_id(headers(), subscription="A", now=START)
    later = repeatable_id(headers(), subscription="a", now=START + timedelta(hours=47))

    assert first == later
    assert first is not None
    assert len(first) == 32
    assert repeatable_id(headers(), subscription="b", now=START) != first
    assert repeatable_id(headers(b"other"), subscription="a", now=START) != first


def test_a_request_without_the_headers_is_not_repeatable() -> None:
    assert repeatable_id({}, subscription="a", now=START) is None


@pytest.mark.parametrize(
    "given",
    [
        headers(id=None),
        headers(sent=None),
        headers(id=b""),
        headers(id=b"x" * 129),
        headers(id=b"two words"),
        headers(id=b"\xff"),
        headers(sent=START + timedelta(days=1)),
        headers() | {b"repeatability-first-sent": b"yesterday"},
        headers() | {b"repeatability-first-sent": b"\xff"},
        headers() | {b"repeatability-first-sent": b"Thu, 99 Jan 99999999999999 99:99:99 GMT"},
    ],
)
def test_malformed_headers_are_refused(given: dict[bytes, bytes]) -> None:
    with pytest.raises(InvalidRequestError):
        repeatable_id(given, subscription="a", now=START)


@pytest.mark.parametrize("zone", [b"-0000", b"GMT", b"+0000"])
def test_a_date_is_read_in_any_spelling_of_utc(zone: bytes) -> None:
    given = headers() | {b"repeatability-first-sent": b"Thu, 01 Jan 1970 00:00:00 " + zone}

    assert repeatable_id(given, subscription="a", now=EPOCH) is not None


def test_a_request_first_sent_before_memory_begins_is_refused() -> None:
    with pytest.raises(PreconditionFailedError):
        repeatable_id(headers(), subscription="a", now=START + timedelta(hours=48, seconds=1))


async def test_a_repeat_is_answered_again_without_effect(stack: Stack) -> None:
    await stack.prepare()
    first = await stack.call("PUT", f"{JOBS}/a", JOB, stack.repeatable(ID))
    await stack.call("PATCH", f"{JOBS}/a", {"state": "disabled"})
    repeated = stack.repeatable(ID)
    stack.clock.set(stack.clock.now() + timedelta(hours=47))
    await stack.operations.sweep(stack.clock.now())

    again = await stack.call("PUT", f"{JOBS}/a", JOB, repeated)

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.request_id == first.request_id
    assert again.headers["repeatability-result"] == "accepted"
    assert (await stack.call("GET", f"{JOBS}/a")).json()["state"] == "disabled"


async def test_a_repeated_post_makes_one_job(stack: Stack) -> None:
    await stack.prepare()

    first = await stack.call("POST", JOBS, JOB, stack.repeatable(ID))
    again = await stack.call("POST", JOBS, JOB, stack.repeatable(ID))

    assert first.body == again.body
    assert len((await stack.call("GET", JOBS)).json()) == 1


async def test_a_repeated_202_names_the_same_operation_and_etag(stack: Stack) -> None:
    first = await stack.call("PUT", CS, CLOUD_SERVICE, stack.repeatable(ID))
    await stack.work()
    await stack.call("PUT", CS, CLOUD_SERVICE.replace(">label", ">newer"))

    again = await stack.call("PUT", CS, CLOUD_SERVICE, stack.repeatable(ID))

    assert (again.status, again.request_id) == (202, first.request_id)
    assert again.headers["etag"] == first.headers["etag"]
    assert "newer" in (await stack.call("GET", CS)).text()
    assert await stack.status(again) == "Succeeded"


async def test_a_refusal_is_repeated_too(stack: Stack) -> None:
    """An attempt that comes late must not take effect after another was told that it cannot."""
    refused = await stack.call("PUT", f"{JOBS}/a", JOB, stack.repeatable(ID))
    await stack.prepare()

    again = await stack.call("PUT", f"{JOBS}/a", JOB, stack.repeatable(ID))

    assert (refused.status, again.status) == (404, 404)
    assert again.body == refused.body
    status = await stack.call("GET", f"{ROOT}/operations/{refused.request_id}")
    assert "<Status>Failed</Status><HttpStatusCode>404</HttpStatusCode>" in status.text()


async def test_another_request_under_the_same_id_is_refused(stack: Stack) -> None:
    await stack.prepare()
    await stack.call("PUT", f"{JOBS}/a", JOB, stack.repeatable(ID))

    others = [
        await stack.call("PUT", f"{JOBS}/b", JOB, stack.repeatable(ID)),
        await stack.call("PUT", f"{JOBS}/a", JOB | {"state": "disabled"}, stack.repeatable(ID)),
        await stack.call("DELETE", f"{JOBS}/a", headers=stack.repeatable(ID)),
    ]

    assert [reply.status for reply in others] == [400] * 3
    assert "Repeatability-Request-ID" in others[0].text()
    assert (await stack.call("GET", f"{JOBS}/a")).json()["state"] == "enabled"
    assert (await stack.call("GET", f"{JOBS}/b")).status == 404


async def test_a_request_that_comes_too_late_is_rejected(stack: Stack) -> None:
    await stack.prepare()
    late = stack.repeatable(ID)
    stack.clock.set(stack.clock.now() + timedelta(hours=49))

    rejected = await stack.call("PUT", f"{JOBS}/a", JOB, late)

    assert rejected.status == 412
    assert rejected.headers["repeatability-result"] == "rejected"
    assert (await stack.call("GET", f"{JOBS}/a", headers=VERSION)).status == 404


async def test_reads_need_no_memory(stack: Stack) -> None:
    await stack.prepare()

    first = await stack.call("GET", JOBS, headers=stack.repeatable(ID))
    await stack.call("PUT", f"{JOBS}/a", JOB)
    second = await stack.call("GET", JOBS, headers=stack.repeatable(ID))

    assert first.json() == []
    assert len(second.json()) == 1
