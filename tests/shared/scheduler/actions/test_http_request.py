import base64
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import quote_plus

import pytest

from shared.errors import ConfigurationError
from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Attempt, Outcome
from shared.scheduler.actions.http_request import HttpRequestAction
from shared.wire.json_types import JsonObject
from tests.contracts.action import ActionContract, Behaviour
from tests.shared.scheduler.actions.calling import attempt, http_action, sealed
from tests.target_server import NOTHING, Asked, TargetServer, serving

PASSWORD = 'p4ss:wörd/"&'
CREDENTIALS = base64.b64encode(f"user:{PASSWORD}".encode()).decode()


@pytest.fixture
async def action() -> AsyncIterator[HttpRequestAction]:
    action = http_action()
    yield action
    await action.close()


def basic(password: str = PASSWORD, **names: str) -> JsonObject:
    return {"type": "Basic", "username": "user", "password": sealed(password, **names)}


def echo(asked: Asked) -> bytes:
    """Send everything back that came, in the header and in the body."""
    sent = asked.head + asked.body
    authorization = [value for name, value in asked.headers if name == "Authorization"]
    lines = "".join(f"X-Echo: {value}\r\n" for value in authorization)
    return f"HTTP/1.1 200 OK\r\n{lines}content-length: {len(sent)}\r\n\r\n".encode() + sent


ANSWERS: dict[Behaviour, Callable[[Asked], bytes | None]] = {
    Behaviour.TAKE: lambda _: NOTHING,
    Behaviour.REFUSE: lambda _: b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
    Behaviour.HANG_UP: lambda _: None,
    Behaviour.STAY_SILENT: lambda _: b"",
    Behaviour.ECHO: echo,
}


@dataclass
class AimedRequest:
    server: TargetServer
    action: HttpRequestAction

    @property
    def attempt(self) -> Attempt:
        return attempt(self.server.url, authentication=basic(), body=f"the {PASSWORD}")

    @property
    def secrets(self) -> list[str]:
        return [PASSWORD, CREDENTIALS]

    @property
    def received(self) -> list[str]:
        return [asked.header("idempotency-key") for asked in self.server.requests]

    def behave(self, behaviour: Behaviour) -> None:
        self.server.answer = ANSWERS[behaviour]


class TestHttpRequestAction(ActionContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[AimedRequest]:
        limit = timedelta(milliseconds=900)
        action = http_action(time_limit=limit)
        async with serving() as server:
            yield AimedRequest(server, action)
        await action.close()


async def test_a_target_sees_the_request_and_which_attempt_it_is(action: HttpRequestAction) -> None:
    async with serving() as server:
        own: JsonObject = {"X-Own": "as Given", "content-type": "application/json"}
        outcome = await action.execute(
            attempt(f"{server.url}a%2Fb?c=d", body='{"é": 1}', headers=own)
        )

    [asked] = server.requests
    assert outcome.is_success
    assert asked.line == "POST /a%2Fb?c=d HTTP/1.1"
    assert asked.body.decode() == '{"é": 1}'
    assert sorted(asked.headers) == [
        ("Accept", "*/*"),
        ("Content-Length", "9"),
        ("Host", f"127.0.0.1:{server.port}"),
        ("Idempotency-Key", "e1b0c442"),
        ("User-Agent", "tocsin"),
        ("X-Own", "as Given"),
        ("content-type", "application/json"),
        ("x-ms-scheduler-attempt", "3"),
        ("x-ms-scheduler-execution-region", "North Central US"),
        ("x-ms-scheduler-expected-execution-time", "2026-01-02T03:04:05.6Z"),
        ("x-ms-scheduler-jobcollectionid", "jc1"),
        ("x-ms-scheduler-jobid", "Nightly"),
    ]


async def test_a_body_without_a_type_is_text(action: HttpRequestAction) -> None:
    async with serving() as server:
        await action.execute(attempt(server.url, body="text"))
        await action.execute(attempt(server.url, body="", method="get"))
        await action.execute(attempt(server.url, body="", method="POST"))

    [with_body, without, empty] = server.requests
    assert with_body.header("content-type") == "text/plain; charset=utf-8"
    assert without.line == "GET / HTTP/1.1"
    assert not {"content-type", "content-length"} & {name.lower() for name, _ in without.headers}
    assert empty.header("content-length") == "0"
    assert "content-type" not in {name.lower() for name, _ in empty.headers}


async def test_headers_that_are_not_the_jobs_to_set_are_not_sent(action: HttpRequestAction) -> None:
    own: JsonObject = {
        "Content-Length": "999",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "EXPECT": "100-continue",
        "Upgrade": "websocket",
        "TE": "trailers",
        "Idempotency-key": "own",
        "X-MS-Scheduler-JobId": "own",
        "x-ms-scheduler-anything": "own",
    }
    async with serving() as server:
        for _ in range(2):
            await action.execute(attempt(server.url, headers=own, body="text"))

        assert server.connections == 1
    [asked, _] = server.requests
    assert asked.body == b"text"
    assert asked.header("idempotency-key") == "e1b0c442"
    assert "own" not in [value for _, value in asked.headers]
    assert not {"transfer-encoding", "connection", "expect", "upgrade", "te"} & {
        name.lower() for name, _ in asked.headers
    }


async def test_headers_of_the_job_win_over_defaults(action: HttpRequestAction) -> None:
    own: JsonObject = {"user-agent": "mine", "host": "virtual.example", "Accept": "text/html"}
    async with serving() as server:
        await action.execute(attempt(server.url, headers=own))

    [asked] = server.requests
    assert asked.header("User-Agent") == "mine"
    assert asked.header("Host") == "virtual.example"
    assert asked.header("Accept") == "text/html"


async def test_p10_text_beyond_latin_1_is_sent_as_utf_8(action: HttpRequestAction) -> None:
    async with serving() as server:
        strange = attempt(server.url, headers={"X-Own": "日本\u2028\x85é"})
        outcome = await action.execute(replace(strange, job="日本 é"))

    [asked] = server.requests
    assert outcome.is_success
    assert "X-Own: 日本\u2028\x85é\r\n".encode() in asked.head
    assert asked.header("x-ms-scheduler-jobid") == "日本 é"


async def test_p8_basic_credentials_reach_the_target_alone(action: HttpRequestAction) -> None:
    async with serving(echo) as server:
        own: JsonObject = {"authorization": "Bearer own", "X-Pass": PASSWORD.replace("ö", "o")}
        outcome = await action.execute(
            attempt(server.url, authentication=basic(), headers=own, body=f"the {PASSWORD}")
        )

    [asked] = server.requests
    assert asked.header("authorization") == f"Basic {CREDENTIALS}"
    assert "X-Echo: Basic ***" in outcome.message
    assert "Authorization: Basic ***" in outcome.message
    assert outcome.message.endswith("the ***")
    for secret in (PASSWORD, CREDENTIALS, CREDENTIALS.rstrip("=")):
        assert secret not in outcome.message
        assert secret not in repr(outcome)


@pytest.mark.parametrize("before", range(2030, 2050))
async def test_p8_credentials_across_the_end_of_the_told_body_are_masked(
    action: HttpRequestAction, before: int
) -> None:
    body = b"x" * before + CREDENTIALS.encode() + b"y" * 5000
    answer = b"HTTP/1.1 401 No\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with serving(answer + body) as server:
        outcome = await action.execute(attempt(server.url, authentication=basic()))

    told = outcome.message.partition(" Body: ")[2]
    assert told.strip("x") in ("***", "")


@pytest.mark.parametrize(
    "body",
    [
        quote_plus(PASSWORD).encode(),
        base64.b64encode(b"Basic " + CREDENTIALS.encode()),
        CREDENTIALS[:-4].encode(),
        PASSWORD.encode("utf-16-le"),
    ],
)
async def test_p8_a_password_that_a_target_writes_its_own_way_is_masked(
    action: HttpRequestAction, body: bytes
) -> None:
    answer = b"HTTP/1.1 401 No\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with serving(answer + body) as server:
        outcome = await action.execute(attempt(server.url, authentication=basic()))

    told = outcome.message.partition(" Body: ")[2]
    assert told.strip("\ufffd") in ("***", f"{base64.b64encode(b'Basic ').decode()}***")


async def test_p8_neither_attempt_nor_outcome_shows_what_is_in_it() -> None:
    shown = repr(attempt("http://h/", authentication=basic(), body="private"))

    assert "private" not in shown
    assert "sealed" not in shown
    assert "private" not in repr(Outcome(is_success=True, message="private"))


async def test_p8_a_password_of_another_job_does_not_open(action: HttpRequestAction) -> None:
    async with serving() as server:
        with pytest.raises(ConfigurationError):
            await action.execute(attempt(server.url, authentication=basic(job="hourly")))

    assert server.requests == []


@pytest.mark.parametrize("status", [200, 201, 203, 204, 226, 299])
async def test_2xx_is_success(action: HttpRequestAction, status: int) -> None:
    assert (await outcome_of(action, status)).is_success


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 400, 401, 404, 408, 429, 500, 503])
async def test_p9_anything_else_is_failure_and_no_redirect_is_followed(
    action: HttpRequestAction, status: int
) -> None:
    assert not (await outcome_of(action, status)).is_success


async def outcome_of(action: HttpRequestAction, status: int) -> Outcome:
    head = f"HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with serving(head.encode()) as server:
        outcome = await action.execute(attempt(server.url))
        assert len(server.requests) == 1
        return outcome


async def test_an_answer_is_told_as_recorded(action: HttpRequestAction) -> None:
    async with serving(
        b"HTTP/1.1 503 Busy\r\nServer: x\r\nContent-Type: text/html\r\nA: 1\r\nB: 2\r\na: 3\r\n"
        b"Content-Length: 4\r\n\r\nbusy"
    ) as server:
        outcome = await action.execute(attempt(server.url))

    assert outcome.message == (
        "Http Action - Response from host '127.0.0.1': 'ServiceUnavailable'"
        " Response Headers: Server: x\r\nA: 1, 3\r\nB: 2\r\n Body: busy"
    )


@pytest.mark.parametrize(
    ("uri", "failure"),
    [
        (
            "http://Does-Not-Exist.invalid/?token=s3cret",
            "'does-not-exist.invalid' failed: NameResolutionFailure"
            " The remote name could not be resolved: 'does-not-exist.invalid'",
        ),
        (
            "http://127.0.0.1:1/?token=s3cret",
            "'127.0.0.1' failed: ConnectFailure Unable to connect to the remote server",
        ),
        (
            "http://10.0.0.1/?token=s3cret",
            "'10.0.0.1' failed: AddressNotAllowed address 10.0.0.1 is not allowed;"
            " the setting TOCSIN_ALLOWED_NETWORKS opens networks",
        ),
    ],
)
async def test_p9_no_answer_is_a_failure_told_as_recorded(
    action: HttpRequestAction, uri: str, failure: str
) -> None:
    outcome = await action.execute(attempt(uri))

    assert not outcome.is_success
    assert outcome.message == f"Http Action - Request to host {failure}"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://127.0.0.1:1/?token=s3cret", "unreachable"),
        ("http://10.0.0.1/?token=s3cret", "not_allowed"),
        ("http://no-such-host.invalid/s3cret", "name_not_resolved"),
    ],
)
async def test_p8_a_log_may_say_what_kind_of_failure_it_was(
    action: HttpRequestAction, uri: str, reason: str
) -> None:
    assert (await action.execute(attempt(uri))).reason == reason


async def test_p8_a_log_may_say_which_status_was_answered(action: HttpRequestAction) -> None:
    async with serving(b"HTTP/1.1 500 s3cret\r\ncontent-length: 6\r\n\r\ns3cret") as server:
        outcome = await action.execute(attempt(server.url))

    assert outcome.reason == "HTTP 500"


async def test_silence_is_a_failure_after_the_time_limit() -> None:
    action = http_action(time_limit=timedelta(milliseconds=200))
    async with serving(b"") as server:
        outcome = await action.execute(attempt(server.url))

    assert not outcome.is_success
    assert outcome.message.endswith("failed: Timeout The operation has timed out")
    await action.close()


async def test_a_redirect_to_a_private_address_is_an_answer() -> None:
    action = http_action(AddressGuard([ip_network("127.0.0.1/32")]))
    async with serving(
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
    ) as server:
        outcome = await action.execute(attempt(server.url))

    assert "'Found' Response Headers: location: http://169.254.169.254/\r\n" in outcome.message
    await action.close()


def test_an_app_that_runs_nothing_does_not_import_aiohttp() -> None:
    program = "import sys, shared.scheduler.actions.http_request;sys.exit('aiohttp' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
