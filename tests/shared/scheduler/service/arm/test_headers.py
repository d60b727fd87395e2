import re

import pytest

from shared.scheduler.service.arm.headers import ArmHeaders
from shared.scheduler.service.exchange import Answer, Request
from shared.wire.arm_catalogue import ARM_ROWS
from tests.clocks import START
from tests.shared.scheduler.scheduler_stack import SUBSCRIPTION, Stack
from tests.shared.scheduler.service.arm.requests import (
    COLLECTION,
    GROUP,
    JOB,
    PROVIDER,
    RESOURCES_VERSION,
    VERSION,
    C,
    S,
)

GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
COMMON = {
    "cache-control",
    "date",
    "expires",
    "pragma",
    "strict-transport-security",
    "x-ms-correlation-request-id",
    "x-ms-request-id",
    "x-ms-routing-request-id",
    "content-length",
}
BODY = {"content-type"}
IIS = {"server", "x-aspnet-version", "x-powered-by"}
READS = {"x-ms-ratelimit-remaining-subscription-reads"}
WRITES = {"x-ms-ratelimit-remaining-subscription-writes"}
CHANGES = {"x-ms-ratelimit-remaining-subscription-resource-requests"}
BURST_READS = {"x-ms-ratelimit-burst-remaining-scheduler-reads"}
BURST_WRITES = {"x-ms-ratelimit-burst-remaining-scheduler-writes"}
PREVIEW = "?api-version=2014-08-01-preview"


@pytest.mark.parametrize(
    ("request_line", "body", "status", "expected"),
    [
        (f"GET {C}{VERSION}", None, 200, BODY | IIS | READS | BURST_READS),
        (f"GET {C}/jobs{VERSION}", None, 200, BODY | IIS | READS | BURST_READS),
        (f"GET {C}/jobs/none{VERSION}", None, 404, BODY | IIS | READS | BURST_READS),
        (f"PUT {C}{VERSION}", COLLECTION, 201, BODY | IIS | CHANGES | BURST_WRITES),
        (f"PUT {C}{PREVIEW}", COLLECTION, 201, BODY | IIS | WRITES | BURST_WRITES),
        (f"PATCH {C}{VERSION}", {"tags": {}}, 200, BODY | IIS | CHANGES | BURST_WRITES),
        (f"PUT {C}/jobs/j{VERSION}", JOB, 201, BODY | IIS | CHANGES | BURST_WRITES),
        (f"PUT {C}/jobs/j{VERSION}", {}, 400, BODY | IIS | CHANGES | BURST_WRITES),
        (f"POST {C}/disable{VERSION}", None, 200, IIS | WRITES | BURST_WRITES),
        (f"DELETE {C}{VERSION}", None, 200, IIS | WRITES | BURST_WRITES),
        (f"GET {PROVIDER}/jobCollections/no{VERSION}", None, 404, BODY | {"x-ms-failure-cause"}),
        (f"GET {GROUP}{RESOURCES_VERSION}", None, 200, BODY | READS),
        (f"HEAD {GROUP}{RESOURCES_VERSION}", None, 204, READS),
        (f"PUT {GROUP}{RESOURCES_VERSION}", {"location": "West US"}, 200, BODY | WRITES),
        (f"DELETE {GROUP}{RESOURCES_VERSION}", None, 202, WRITES | {"location", "retry-after"}),
        (f"GET {S}/providers/Microsoft.Scheduler{RESOURCES_VERSION}", None, 200, BODY | READS),
        (f"GET {S}/nothing{VERSION}", None, 404, BODY | {"x-ms-failure-cause"}),
    ],
)
async def test_headers_tell_who_answered_as_recorded(
    arm: Stack, request_line: str, body: object, status: int, expected: set[str]
) -> None:
    method, target = request_line.split()

    reply = await arm.call_arm(method, target, body or b"")  # type: ignore[arg-type]

    assert (reply.status, set(reply.headers)) == (status, COMMON | expected)


async def test_schedulers_answers_have_two_ids_and_the_gateways_one(arm: Stack) -> None:
    ours = (await arm.call_arm("GET", C + VERSION)).headers
    gateways = (await arm.call_arm("GET", GROUP + RESOURCES_VERSION)).headers

    for headers in (ours, gateways):
        correlation = headers["x-ms-correlation-request-id"]
        assert re.fullmatch(GUID, correlation)
        assert re.fullmatch(GUID, headers["x-ms-request-id"])
        assert headers["x-ms-routing-request-id"] == f"WESTUS:20260101T120000Z:{correlation}"
    assert ours["x-ms-request-id"] != ours["x-ms-correlation-request-id"]
    assert gateways["x-ms-request-id"] == gateways["x-ms-correlation-request-id"]


@pytest.mark.parametrize(
    ("given", "is_told"), [("abc-1", True), ("a" * 129, False), ("ü", False), ("a b", False)]
)
async def test_the_callers_correlation_is_told_again(arm: Stack, given: str, is_told: bool) -> None:
    reply = await arm.call_arm("GET", C + VERSION, headers={"x-ms-correlation-request-id": given})

    told = reply.headers["x-ms-correlation-request-id"]
    assert (told == given) == is_told
    assert given not in reply.headers["x-ms-routing-request-id"]


async def test_the_clients_id_is_told_only_to_who_asks_for_it(arm: Stack) -> None:
    sent = {"x-ms-client-request-id": "mine"}

    as_recorded = await arm.call_arm("GET", C + VERSION, headers=sent)
    asked = await arm.call_arm(
        "GET", C + VERSION, headers={**sent, "x-ms-return-client-request-id": "true"}
    )

    assert "x-ms-client-request-id" not in as_recorded.headers
    assert asked.headers["x-ms-client-request-id"] == "mine"


async def test_collections_and_jobs_have_allowances_of_their_own(arm: Stack) -> None:
    (told,) = CHANGES

    job = await arm.call_arm("PUT", f"{C}/jobs/j{VERSION}", JOB)
    collection = await arm.call_arm("PUT", C + VERSION, COLLECTION)

    # One collection was made before.
    assert (job.headers[told], collection.headers[told]) == ("599", "298")


async def test_content_type_is_never_looked_at(arm: Stack) -> None:
    for method, body in (("GET", b""), ("PUT", b'{"location": "westus"}'), ("DELETE", b"")):
        reply = await arm.call_arm(method, C + VERSION, body, {"Content-Type": "text/plain"})
        assert reply.status < 300


async def test_what_goes_on_longer_than_a_caller_waits_says_where_its_end_is_told(
    arm: Stack,
) -> None:
    request = Request(
        id="0" * 31 + "f",
        endpoint=next(row for row in ARM_ROWS if row.name == "DeleteJobCollection"),
        subscription=SUBSCRIPTION,
        params={"subscription": SUBSCRIPTION, "cloud_service": "rg", "job_collection": "jc"},
        path=C,
        query=VERSION[1:],
        headers={b"host": b"tocsin.example"},
        body=b"",
        is_repeatable=False,
        now=START,
    )

    headers = ArmHeaders(lambda: "a" * 32).of(
        Answer(status=202), request_id=request.id, request=request, given={}, now=START
    )

    _, found, target = headers["location"].partition("https://tocsin.example")
    assert (found, headers["retry-after"]) == ("https://tocsin.example", "15")
    assert target == f"{S}/operationresults/{request.id}{VERSION}"
    assert (await arm.call_arm("GET", target)).status == 404
