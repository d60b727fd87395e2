import logging
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.scheduler.service.answering import Answering
from shared.scheduler.service.app import SchedulerService
from shared.scheduler.service.endpoints import Endpoints
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC,
    JC_PASSED,
    JOB,
    JOBS,
    ROOT,
    VERSION,
    Stack,
    exchange,
    job_collection,
)

REQUEST_ID = re.compile(r"[0-9a-f]{32}")
ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<CloudService><Label>&b;</Label></CloudService>"
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<CloudService><Label>&x;</Label></CloudService>"
)
BAD_XML = {
    "empty": b"",
    "not xml": b"hello",
    "unclosed": b"<CloudService>",
    "entities": ENTITIES.encode(),
    "external entity": EXTERNAL.encode(),
    "json": b"{}",
    "other root": b"<Hello/>",
    "no utf-8": b"<CloudService><Label>\xff\xfe</Label></CloudService>",
    "nul": b"<CloudService>\x00</CloudService>",
    "utf-16 by declaration": b'<?xml version="1.0" encoding="utf-16"?><CloudService/>',
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><CloudService/>',
    "deep": b"<a>" * 20000,
    "wrong region": CLOUD_SERVICE.replace("West Europe", "Atlantis").encode(),
    "long label": CLOUD_SERVICE.replace(">label", ">" + "l" * 101).encode(),
}
BAD_JSON = {
    "empty": b"",
    "not json": b"hello",
    "array": b"[]",
    "null": b"null",
    "unclosed": b'{"action":',
    "no utf-8": b'{"action": "\xff"}',
    "lone surrogate": b'{"action": "\\ud800"}',
    "nul": b'{"id": "\\u0000"}',
    "deep objects": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "deep arrays": b"[" * 15000,
    "huge number": b'{"recurrence": {"interval": 1' + b"0" * 5000 + b"}}",
    "nan": b'{"recurrence": {"interval": NaN}}',
    "xml": CLOUD_SERVICE.encode(),
    "large": b'{"id": "' + b"x" * 17000 + b'"}',
    "byte order mark": b"\xef\xbb\xbf",
}


async def test_every_answer_has_the_headers_of_the_real_service(stack: Stack) -> None:
    front_end = await stack.call("GET", f"{ROOT}/cloudservices")
    passed = await stack.call("GET", f"{JOBS.replace('~', '%7E')}")

    for reply in (front_end, passed):
        assert REQUEST_ID.fullmatch(reply.request_id)
        assert reply.headers["x-ms-servedbyregion"] == "ussouth3"
        assert reply.headers["cache-control"] == "no-cache"
        assert "Microsoft-HTTPAPI/2.0" in reply.headers["server"]
        assert len(reply.headers) == len(reply.pairs)
    assert front_end.headers["content-type"] == "application/xml; charset=utf-8"
    assert "pragma" not in front_end.headers
    assert passed.headers["content-type"] == "application/json; charset=utf-8"
    assert (passed.headers["pragma"], passed.headers["expires"]) == ("no-cache", "-1")
    assert passed.headers["x-aspnet-version"] == "4.0.30319"
    assert passed.headers["x-powered-by"] == "ASP.NET"
    assert front_end.request_id != passed.request_id


async def test_the_date_is_that_of_the_services_clock_on_every_answer(stack: Stack) -> None:
    stack.clock.set(datetime(2026, 1, 9, 7, 5, 3, 999_999, UTC))

    found = await stack.call("GET", f"{ROOT}/cloudservices")
    refused = await stack.call("GET", f"{ROOT}/cloudservices", extensions={})

    assert (found.status, refused.status) == (200, 403)
    assert found.headers["date"] == refused.headers["date"] == "Fri, 09 Jan 2026 07:05:03 GMT"


@pytest.mark.parametrize(
    "version", ["2013-03-01", "2013-06-01", "2014-10-01", "2099-12-31", "2016-02-29"]
)
async def test_known_versions_are_accepted(stack: Stack, version: str) -> None:
    reply = await stack.call("GET", f"{ROOT}/cloudservices", headers={"x-ms-version": version})

    assert reply.status == 200


@pytest.mark.parametrize(
    "version", [None, "", "2013-02-28", "2014-13-01", "2015-02-29", "latest", "2014-10-01x"]
)
async def test_a_missing_or_malformed_version_is_refused_in_xml(
    stack: Stack, version: str | None
) -> None:
    headers = {} if version is None else {"x-ms-version": version}

    for path in (f"{ROOT}/cloudservices", JOBS):
        refused = await stack.call("GET", path, headers=headers)

        assert refused.status == 400
        assert "<Code>MissingOrIncorrectVersionHeader</Code>" in refused.text()


@pytest.mark.parametrize("method", ["HEAD", "TRACE", "BREW", "POST", "get"])
async def test_a_verb_that_is_not_offered_is_refused(stack: Stack, method: str) -> None:
    refused = await stack.call(method, CS)

    assert refused.status == 400
    assert refused.headers["content-length"] > "0"
    assert (refused.body == b"") == (method == "HEAD")
    if method != "HEAD":
        assert "<Code>InvalidHttpVerb</Code>" in refused.text()


async def test_errors_behind_the_tilde_are_json(stack: Stack) -> None:
    verb = await stack.call("PUT", JOBS, JOB)
    path = await stack.call("GET", f"{JOBS}/a/b/c")
    front_end = await stack.call("GET", f"{ROOT}/nothing")

    assert (verb.status, verb.json()["error"]["code"]) == (400, "InvalidHttpVerb")
    assert (path.status, path.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert (front_end.status, "<Code>ResourceNotFound</Code>" in front_end.text()) == (404, True)


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/cloudservices/%",
        f"{ROOT}/cloudservices/%zz",
        f"{ROOT}/cloudservices/%ff",
        f"{ROOT}/cloudservices/%00",
        f"{ROOT}/cloudservices/..",
        f"{ROOT}/cloudservices/a%2Fb",
        f"{ROOT}/cloudservices/{'x' * 101}",
        f"{JOBS}/{'x' * 101}",
        f"{JOBS}/a%2Fb",
        f"{JOBS}/a%0D%0Ab",
        f"{JOBS}/%F0%9F%92%A9%ff",
        f"{ROOT}//cloudservices",
        f"{ROOT}/{'x' * 9000}",
        ROOT,
    ],
)
async def test_p10_malformed_paths_get_an_error_and_nothing_stops(stack: Stack, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (await stack.call(method, path)).status in (400, 404)

    assert (await stack.call("GET", f"{ROOT}/cloudservices")).status == 200


@pytest.mark.parametrize("body", BAD_XML.values(), ids=BAD_XML.keys())
async def test_p10_bad_xml_gets_400_in_xml(stack: Stack, body: bytes) -> None:
    for url in (CS, JC):
        refused = await stack.call("PUT", url, body)

        assert refused.status == 400
        assert refused.text().startswith("<Error xmlns=")
        assert "passwd" not in refused.text()
        assert "root:" not in refused.text()


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
async def test_p10_bad_json_gets_400_in_json(stack: Stack, body: bytes) -> None:
    await stack.prepare()
    await stack.call("PUT", f"{JOBS}/a", JOB)

    for method, url in (("PUT", f"{JOBS}/a"), ("POST", JOBS), ("PATCH", f"{JOBS}/a")):
        refused = await stack.call(method, url, body)

        assert refused.status == 400
        assert refused.json()["error"]["code"] == "BadRequest"
    assert (await stack.call("GET", f"{JOBS}/a")).status == 200


@pytest.mark.parametrize("label", ["application/json", "text/plain", "nonsense;;;", ""])
async def test_the_path_decides_and_not_the_content_type(stack: Stack, label: str) -> None:
    headers = VERSION | {"Content-Type": label}

    assert (await stack.call("PUT", CS, CLOUD_SERVICE, headers)).status == 202
    assert (await stack.call("PUT", JC, job_collection(), headers)).status == 202
    assert (await stack.call("PUT", f"{JOBS}/a", JOB, headers)).status == 201


@pytest.mark.parametrize(
    "query",
    ["$top=0", "$top=x", "$top=1001", "$skip=-1", "$skip=99999999999", "$filter=state", "a&" * 99],
)
async def test_malformed_queries_are_refused(stack: Stack, query: str) -> None:
    await stack.prepare()

    refused = await stack.call("GET", f"{JOBS}?api-version=2014-04-01&{query}")

    assert refused.status == 400
    assert refused.json()["error"]["code"] == "BadRequest"


async def test_a_huge_body_is_refused_before_it_is_read(stack: Stack) -> None:
    announced = await stack.call("PUT", CS, "", VERSION | {"Content-Length": "9" * 30})
    unannounced = await stack.call("PUT", CS, b" " * 70000)

    for refused in (announced, unannounced):
        assert refused.status == 400
        assert "larger than" in refused.text()


async def test_headers_of_any_bytes_are_survived(stack: Stack) -> None:
    scope = stack.scope("PUT", JC, VERSION)
    headers = [*scope["headers"], (b"if-match", b"\xff\xfe\x00"), (b"\xff", b"\xff")]

    reply = await exchange(stack.app, {**scope, "headers": headers}, job_collection().encode())

    assert reply.status in (404, 412)


async def test_a_client_that_leaves_is_answered_by_nothing(stack: Stack) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await stack.app(stack.scope("PUT", CS, VERSION), receive, send)

    assert sent == []


async def test_a_body_in_parts_is_read_whole(stack: Stack) -> None:
    content = CLOUD_SERVICE.encode()
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": content[:10], "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": content[10:]},
    ]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await stack.app(stack.scope("PUT", CS, VERSION), receive, send)

    assert sent[0]["status"] == 202


async def test_without_a_raw_path_the_decoded_one_serves(stack: Stack) -> None:
    await stack.prepare()
    created = await stack.call("PUT", f"{JOBS}/job%201", JOB, raw_path=None)

    assert created.json()["id"] == "job 1"


async def test_a_closed_database_is_503_and_says_nothing_else(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    await stack.database.close()

    front_end = await stack.call("PUT", CS, CLOUD_SERVICE)
    passed = await stack.call("GET", JC_PASSED)

    assert (front_end.status, passed.status) == (503, 503)
    assert "<Code>ServerBusy</Code>" in front_end.text()
    assert passed.json()["error"] == {
        "code": "ServerBusy",
        "message": "The server is busy. Retry the request.",
    }
    assert caplog.records


async def test_a_bug_is_500_and_logged_with_its_traceback(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("secret detail")

    endpoints = Endpoints(
        stack.store,
        stack.job_changes,
        certificates=stack.certificates,
        sealer=stack.sealer,
        new_id=broken,
        clock=stack.clock,
    )
    app = SchedulerService(
        Answering(stack.database, endpoints, stack.operations, follow_up=stack.follow_up),
        stack.authentication,
        clock=stack.clock,
        new_id=lambda: "a" * 32,
    )

    failed = await exchange(app, stack.scope("PUT", CS, VERSION), CLOUD_SERVICE.encode())

    assert failed.status == 500
    assert "<Code>InternalError</Code>" in failed.text()
    assert "secret detail" not in failed.text()
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info is not None


async def test_a_refusal_is_logged_once_without_what_was_sent(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    refused = await stack.call("PUT", f"{JOBS}/a", '{"password": "s3cr3t!", "x": 1}')

    (record,) = [one for one in caplog.records if one.name.startswith("shared.scheduler")]
    assert record.request_id == refused.request_id  # type: ignore[attr-defined]
    assert record.code == "BadRequest"  # type: ignore[attr-defined]
    assert "s3cr3t!" not in caplog.text
    assert "s3cr3t!" not in refused.text()


async def test_other_protocols_are_turned_away(stack: Stack) -> None:
    sent: list[Any] = []
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await stack.app({"type": "lifespan"}, receive, send)
    await stack.app({"type": "websocket"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
