"""The asynchronous pattern, asked of a real target."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Attempt, Outcome, Poll
from shared.scheduler.actions.http_request import HttpRequestAction
from shared.scheduler.actions.polling import NotFollowedError, origin_of, request_of, resolved
from shared.wire.json_types import Json, JsonObject
from tests.shared.scheduler.actions.calling import attempt, http_action, sealed
from tests.target_server import Asked, serving

SECOND = timedelta(seconds=1)
WAIT = 10 * SECOND
PASSWORD = "correct horse"
AUTHORIZATION = f"Basic {base64.b64encode(f'u:{PASSWORD}'.encode()).decode()}"
HEADERS: JsonObject = {
    "X-Key": "k",
    "Content-Type": "application/json",
    "If-Match": "*",
    "Range": "bytes=0-1",
}


@pytest.fixture
async def action() -> AsyncIterator[HttpRequestAction]:
    action = http_action()
    yield action
    await action.close()


def answer(status: int, *lines: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in (*lines, "content-length: 0"))
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode()


def polling(attempt: Attempt, uri: str) -> Attempt:
    return replace(attempt, poll_uri=uri)


async def poll_of(action: HttpRequestAction, status: int, *lines: str) -> Outcome:
    """Return what a poll leads to that is answered so."""
    async with serving(answer(status, *lines)) as server:
        return await action.execute(
            polling(attempt("http://job.example/"), f"{server.url}status/1")
        )


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/status/1?sig=a%2Fb", "status/1?sig=a%2Fb"),
        ("1#part", "jobs/1"),
        ("{url}elsewhere", "elsewhere"),
        ("?id=1", "jobs/new?id=1"),
    ],
)
async def test_a_202_with_a_location_is_asked_there(
    action: HttpRequestAction, location: str, path: str
) -> None:
    def accept(asked: Asked) -> bytes:
        return answer(202, f"location: {location.format(url=server.url)}")

    async with serving(accept) as server:
        outcome = await action.execute(attempt(f"{server.url}jobs/new"))

    assert not outcome.is_success
    assert outcome.poll == Poll(uri=f"{server.url}{path}", after=WAIT)


@pytest.mark.parametrize("lines", [[], ["location:"]])
async def test_a_202_without_a_location_is_success(
    action: HttpRequestAction, lines: list[str]
) -> None:
    async with serving(answer(202, *lines)) as server:
        outcome = await action.execute(attempt(server.url))

    assert outcome.is_success
    assert outcome.poll is None


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("99999", 3600),
        ("soon", 10),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3600),
    ],
)
@pytest.mark.parametrize("status", [202, 429, 503])
async def test_the_target_says_within_bounds_when_to_ask_again(
    action: HttpRequestAction, asked: str, seconds: int, status: int
) -> None:
    outcome = await poll_of(action, status, f"retry-after: {asked}")

    assert outcome.poll is not None
    assert outcome.poll.after == seconds * SECOND


@pytest.mark.parametrize("status", [202, 408, 429, 500, 503, 599])
async def test_what_passes_is_polled_again(action: HttpRequestAction, status: int) -> None:
    outcome = await poll_of(action, status)

    assert outcome.poll is not None
    assert outcome.poll.uri.endswith("/status/1")
    assert not outcome.is_success


@pytest.mark.parametrize("status", [408, 429, 503])
async def test_what_was_not_accepted_is_not_polled(action: HttpRequestAction, status: int) -> None:
    async with serving(answer(status, "location: /status/1")) as server:
        assert (await action.execute(attempt(server.url))).poll is None


async def test_a_new_location_replaces_the_old_one(action: HttpRequestAction) -> None:
    outcome = await poll_of(action, 202, "location: 2")

    assert outcome.poll is not None
    assert outcome.poll.uri.endswith("/status/2")


@pytest.mark.parametrize(
    ("status", "is_success"),
    [(200, True), (201, True), (204, True), (302, False), (400, False), (404, False), (410, False)],
)
async def test_any_other_answer_to_a_poll_is_the_attempts(
    action: HttpRequestAction, status: int, is_success: bool
) -> None:
    outcome = await poll_of(action, status, "location: /elsewhere")

    assert (outcome.is_success, outcome.poll) == (is_success, None)
    assert outcome.message.startswith("Http Action - Response from host '127.0.0.1': '")


async def test_a_poll_without_an_answer_is_made_again(action: HttpRequestAction) -> None:
    uri = "http://127.0.0.1:1/"

    outcome = await action.execute(polling(attempt("http://job.example/"), uri))

    assert outcome.poll == Poll(uri=uri, after=WAIT)
    assert "ConnectFailure" in outcome.message


async def test_p9_a_poll_of_an_address_that_is_not_allowed_fails() -> None:
    action = http_action(AddressGuard([]))
    async with serving() as server:
        outcome = await action.execute(polling(attempt("http://job.example/"), server.url))

    assert server.requests == []
    assert outcome.poll is None
    assert "AddressNotAllowed" in outcome.message
    await action.close()


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("ftp://h/", "must be an absolute http or https URI"),
        ("mailto:a", "must be an absolute http or https URI"),
        ("http://u:p@h/", "must not contain credentials: use authentication"),
        ("http://h/a b", "must not contain blanks or control characters"),
        ("http://[::1/", "is no URI"),
        ("http://h:port/", "is no URI"),
    ],
)
async def test_p8_p9_a_location_that_no_job_could_have_is_a_failure(
    action: HttpRequestAction, location: str, reason: str
) -> None:
    async with serving(answer(202, f"location: {location}")) as server:
        outcome = await action.execute(attempt(server.url))

    assert (outcome.is_success, outcome.poll) == (False, None)
    assert outcome.message.startswith(
        "Http Action - Request to host '127.0.0.1' failed: LocationNotFollowed"
        f" It was accepted, and the Location to ask {reason}"
    )


async def test_p8_a_location_that_repeats_a_secret_is_not_followed(
    action: HttpRequestAction,
) -> None:
    location = f"http://h:{PASSWORD.replace(' ', '%20')}/"
    async with serving(answer(202, f"location: {location}")) as server:
        outcome = await action.execute(attempt(server.url, authentication=secret_basic()))

    assert outcome.poll is None
    assert outcome.message.endswith("the Location to ask repeats a secret of the job")


def secret_basic() -> JsonObject:
    return {"type": "Basic", "username": "u", "password": sealed(PASSWORD)}


@pytest.mark.parametrize("is_same", [True, False])
async def test_p8_only_the_jobs_own_origin_sees_what_the_job_shows(
    action: HttpRequestAction, is_same: bool
) -> None:
    async with serving() as own, serving() as polled:
        target = polled if is_same else own
        job = attempt(
            target.url, authentication=secret_basic(), headers=HEADERS, body="{}", method="PUT"
        )
        outcome = await action.execute(polling(job, f"{polled.url}status/1"))

    assert outcome.is_success
    assert own.requests == []
    [asked] = polled.requests
    assert asked.line == "GET /status/1 HTTP/1.1"
    sent = {name.lower(): value for name, value in asked.headers}
    shown = {"x-key": "k", "authorization": AUTHORIZATION} if is_same else {}
    assert sent == shown | {
        "accept": "*/*",
        "host": f"127.0.0.1:{polled.port}",
        "idempotency-key": "e1b0c442",
        "user-agent": "tocsin",
        "x-ms-scheduler-attempt": "3",
        "x-ms-scheduler-execution-region": "North Central US",
        "x-ms-scheduler-expected-execution-time": "2026-01-02T03:04:05.6Z",
        "x-ms-scheduler-jobcollectionid": "jc1",
        "x-ms-scheduler-jobid": "Nightly",
    }


async def test_p8_a_header_of_the_jobs_own_stays_with_its_origin(
    action: HttpRequestAction,
) -> None:
    async with serving() as polled:
        job = attempt("http://job.example/", headers={"Authorization": "Bearer x"})
        await action.execute(polling(job, polled.url))

    [asked] = polled.requests
    assert "authorization" not in {name.lower() for name, _ in asked.headers}


async def test_a_job_that_calls_no_target_any_more_is_polled_for() -> None:
    payload: dict[str, Json] = {"queueMessage": {}}

    request = request_of(replace(attempt("http://h/"), action=payload, poll_uri="http://h/1"))

    assert (request.method, request.uri, request.headers) == ("GET", "http://h/1", None)
    assert request.authentication is None


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("http://h/a", "HTTP://H:80/b?c", True),
        ("https://h/", "https://h:443", True),
        ("http://h/", "https://h/", False),
        ("http://h/", "http://h:8080/", False),
        ("http://h/", "http://h.evil/", False),
        ("https://h:80/", "http://h/", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, is_same: bool) -> None:
    assert (origin_of(one) == origin_of(other)) is is_same


@given(st.text(max_size=40) | st.from_regex(r"(https?:)?//[a-z@:\[\]\\/0-9.%]{0,20}"))
def test_p8_a_location_is_resolved_to_what_can_be_asked_or_refused(location: str) -> None:
    try:
        uri = resolved(location, "https://h/a/b")
    except NotFollowedError:
        return
    scheme, host, _ = origin_of(uri)
    assert scheme in ("http", "https")
    assert host
    assert "@" not in uri.partition("://")[2].partition("/")[0]
    assert uri.encode()
