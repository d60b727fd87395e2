import asyncio
import json
import logging
from typing import Any

import azure.functions as func
import pytest

from shared.host.host_json import HostSettings
from shared.host.http_trigger import read_headers
from shared.host.local import LocalHost
from shared.messaging.embedded.broker import EmbeddedBroker
from tests.clocks import FakeClock
from tests.shared.host.hosting import call, indexed, make_host

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="echo/{name}/{*rest}")
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    document = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().decode("latin-1"),
    }
    return func.HttpResponse(json.dumps(document), mimetype="application/json")


@app.route(route="text", methods=["GET"])
def text(req: func.HttpRequest) -> str:
    return "grüß"


@app.route(route="fails")
def fails(req: func.HttpRequest) -> str:
    match req.get_body():
        case b"exit":
            raise SystemExit(3)
        case b"cancel":
            raise asyncio.CancelledError
        case b"stop":
            raise StopIteration
        case _:
            raise RuntimeError("out of order")


@app.route(route="fails-awaited")
async def fails_awaited(req: func.HttpRequest) -> str:
    raise {b"exit": SystemExit(3), b"cancel": asyncio.CancelledError()}.get(
        req.get_body(), RuntimeError("out of order")
    )


@app.route(route="answers/{kind}")
async def answers(req: func.HttpRequest):  # type: ignore[no-untyped-def] # an annotation would be a lie
    return ANSWERS[req.route_params["kind"]]()


@app.route(route="own", auth_level=func.AuthLevel.FUNCTION)
async def closed(req: func.HttpRequest) -> str:
    return "open"


@app.route(route="master", auth_level=func.AuthLevel.ADMIN)
async def master(req: func.HttpRequest) -> str:
    return "open"


@app.route(route="context")
def with_context(req: func.HttpRequest, context: func.Context) -> str:
    trace = context.trace_context.trace_parent
    return f"{context.function_name} {trace} {len(context.invocation_id)}"


def with_cookies() -> func.HttpResponse:
    answer = func.HttpResponse("x", headers={"X-One": "1"}, status_code=201)
    answer.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly")
    answer.headers.add("Set-Cookie", "b=2")
    return answer


ANSWERS: dict[str, Any] = {
    "dict": lambda: {"a": 1},
    "none": lambda: None,
    "bytes": lambda: b"x",
    "tuple": lambda: ("x", 200),
    "cookies": with_cookies,
    "no-content": lambda: func.HttpResponse(b"dropped", status_code=204),
    "framing": lambda: func.HttpResponse(b"abc", headers={"Content-Length": "99"}),
    "bad-header": lambda: func.HttpResponse(b"", headers={"x-a": "1\x00"}),
    "bad-status": lambda: func.HttpResponse(b"", status_code=99),
}


FUNCTIONS = indexed(app)


@pytest.fixture
def host(broker: EmbeddedBroker, clock: FakeClock) -> LocalHost:
    return make_host(FUNCTIONS, broker=broker, clock=clock)


async def test_request_arrives_as_the_functions_host_sends_it(host: LocalHost) -> None:
    reply = await call(
        host,
        "PUT",
        "/api/echo/a%20b/c/d?x=1&y=&x=2&z=%C3%A4",
        headers=[("Host", "h:7071"), ("X-Many", "1"), ("x-many", "2")],
        body=[b"one", b"two\xff"],
    )

    assert reply.status == 200
    assert reply.header("content-type") == "application/json"
    assert json.loads(reply.body) == {
        "method": "PUT",
        "url": "http://h:7071/api/echo/a%20b/c/d?x=1&y=&x=2&z=%C3%A4",
        "headers": {"host": "h:7071", "x-many": "1,2"},
        "params": {"x": "1,2", "z": "ä"},
        "route": {"name": "a b", "rest": "c/d"},
        "body": "onetwo\xff",
    }


async def test_headers_are_utf_8_and_what_is_none_is_latin_1(host: LocalHost) -> None:
    reply = await call(host, "GET", "/api/echo/a", headers=[("x-a", "grün €")])

    assert json.loads(reply.body)["headers"]["x-a"] == "grün €"
    assert read_headers({"headers": [(b"x-b", b"gr\xfcn")]}) == {"x-b": "grün"}


async def test_a_catch_all_that_matched_nothing_is_no_route_parameter(host: LocalHost) -> None:
    reply = await call(host, "GET", "/api/echo/a")

    assert json.loads(reply.body)["route"] == {"name": "a"}


async def test_sync_function_answers_text(host: LocalHost) -> None:
    reply = await call(host, "GET", "/api/text")

    assert (reply.status, reply.body.decode()) == (200, "grüß")
    assert reply.header("content-type") == "text/plain; charset=utf-8"
    assert reply.header("content-length") == str(len(reply.body))


@pytest.mark.parametrize("host_header", ["x/api/other?", "[", "a?b", "a#b", "a b", "x:y", "é"])
async def test_p10_a_host_that_would_change_the_url_is_400(
    host: LocalHost, host_header: str
) -> None:
    reply = await call(host, "GET", "/api/text", headers={"host": host_header})

    assert (reply.status, reply.body) == (400, b"")


@pytest.mark.parametrize("host_header", ["", "localhost", "127.0.0.1:7071", "[::1]:7071", "a_b.c"])
async def test_a_plain_host_is_part_of_the_url(host: LocalHost, host_header: str) -> None:
    reply = await call(host, "GET", "/api/text", headers={"host": host_header})

    assert reply.status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/nothing"), ("POST", "/api/text"), ("HEAD", "/api/text"), ("GET", "/text")],
)
async def test_p10_unknown_path_or_method_is_404_without_body(
    host: LocalHost, method: str, path: str
) -> None:
    reply = await call(host, method, path)

    assert (reply.status, reply.body, reply.header("content-length")) == (404, b"", "0")


@pytest.mark.parametrize("path", ["/api/fails", "/api/fails-awaited"])
@pytest.mark.parametrize("body", [b"", b"exit", b"cancel", b"stop"])
async def test_p10_failing_function_is_500_without_body_and_logged_once(
    host: LocalHost, caplog: pytest.LogCaptureFixture, path: str, body: bytes
) -> None:
    reply = await call(host, "POST", path, body=[body])

    assert (reply.status, reply.body) == (500, b"")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info is not None
    assert (await call(host, "GET", "/api/text")).status == 200


@pytest.mark.parametrize("kind", ["dict", "none", "bytes", "tuple", "bad-header", "bad-status"])
async def test_p10_answer_that_azure_refuses_is_500(
    host: LocalHost, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    reply = await call(host, "GET", f"/api/answers/{kind}")

    assert (reply.status, reply.body) == (500, b"")
    assert len(caplog.records) == 1


async def test_several_cookies_and_headers_survive(host: LocalHost) -> None:
    reply = await call(host, "GET", "/api/answers/cookies")

    assert reply.status == 201
    assert reply.header("x-one") == "1"
    cookies = [value for name, value in reply.headers if name == b"set-cookie"]
    assert cookies == [b"a=1; HttpOnly; Path=/", b"b=2"]


async def test_answer_without_content_has_no_body(host: LocalHost) -> None:
    reply = await call(host, "GET", "/api/answers/no-content")

    assert (reply.status, reply.body) == (204, b"")


async def test_the_host_frames_the_answer(host: LocalHost) -> None:
    reply = await call(host, "GET", "/api/answers/framing")

    assert [value for name, value in reply.headers if name == b"content-length"] == [b"3"]


async def test_context_names_function_and_trace(host: LocalHost) -> None:
    reply = await call(host, "GET", "/api/context", headers={"traceparent": "00-1-2-01"})

    assert reply.body == b"with_context 00-1-2-01 36"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/own", None, 401),
        ("/api/own", "wrong", 401),
        ("/api/own", "other-key", 401),
        ("/api/own", "own-key", 200),
        ("/api/own", "host-key", 200),
        ("/api/own", "master-key", 200),
        ("/api/master", "own-key", 401),
        ("/api/master", "host-key", 401),
        ("/api/master", "master-key", 200),
        ("/api/own", "grün", 401),
    ],
)
async def test_keys_open_what_they_should(
    host: LocalHost, path: str, key: str | None, status: int
) -> None:
    in_header = await call(host, "GET", path, headers={"x-functions-key": key} if key else {})
    in_query = await call(host, "GET", f"{path}?code={key}" if key else path)

    assert (in_header.status, in_query.status) == (status, status)
    assert status == 200 or in_header.body == in_query.body == b""


async def test_p8_refused_key_is_not_logged(
    host: LocalHost, caplog: pytest.LogCaptureFixture
) -> None:
    await call(host, "GET", "/api/own?code=guessed-secret")

    assert [record.getMessage() for record in caplog.records] == [
        "refused a call of closed without its key"
    ]
    assert "guessed-secret" not in caplog.text


@pytest.mark.parametrize("headers", [{}, {"content-length": "11"}])
async def test_p10_body_over_the_limit_is_413(
    broker: EmbeddedBroker, clock: FakeClock, headers: dict[str, str]
) -> None:
    settings = HostSettings(max_body_bytes=10)
    host = make_host(FUNCTIONS, broker=broker, clock=clock, settings=settings)

    too_large = await call(host, "POST", "/api/echo/a", headers=headers, body=[b"123456", b"78901"])
    fits = await call(host, "POST", "/api/echo/a", body=[b"12345", b"67890"])

    assert (too_large.status, too_large.header("connection")) == (413, "close")
    assert fits.status == 200


async def test_client_that_leaves_in_its_body_calls_nothing(
    host: LocalHost, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await call(host, "POST", "/api/fails", body=[b"half"], disconnects=True)

    assert reply.status == 0
    assert caplog.records == []


async def test_route_prefix_may_be_empty(broker: EmbeddedBroker, clock: FakeClock) -> None:
    settings = HostSettings(route_prefix="")
    host = make_host(FUNCTIONS, broker=broker, clock=clock, settings=settings)

    assert (await call(host, "GET", "/text")).status == 200
    assert (await call(host, "GET", "/api/text")).status == 404
