"""What every Scheduler client does, whatever carries the request."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from shared.client.scheduler import (
    OutcomeUnknownError,
    RestRequest,
    RestResponse,
    SchedulerClient,
)
from shared.errors import TransientError

LONG = timedelta(seconds=20)
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


async def server_app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    """Answers with what it was asked, or misbehaves as the path says."""
    if scope["type"] != "http":
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    match scope["path"]:
        case "/redirect":
            await answer(send, 307, b"", (b"Location", b"/elsewhere"))
        case "/busy":
            await answer(send, 503, b"later", (b"Retry-After", b"7"))
        case "/silent":
            await asyncio.Event().wait()
        case "/broken":
            headers = [(b"content-length", b"10")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        case _:
            await answer(send, 200, echo(scope, body), (b"X-Ms-Request-Id", b"r1"))


async def answer(send: Send, status: int, body: bytes, header: tuple[bytes, bytes]) -> None:
    headers = [(b"content-length", str(len(body)).encode()), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def echo(scope: Message, body: bytes) -> bytes:
    der = scope["extensions"]["tls"]["client_cert_der"]
    return json.dumps(
        {
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
            "body": body.decode(),
            "certificate": sha256(der).hexdigest() if der else None,
        }
    ).encode()


def echoed(response: RestResponse) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(response.body)
    return document


class SchedulerClientContract(ABC):
    """`connect` gives a client of `server_app`, and `fingerprint` is that of the certificate it presents."""

    fingerprint: str

    @abstractmethod
    def connect(self) -> AbstractAsyncContextManager[SchedulerClient]: ...

    @pytest.fixture
    async def client(self) -> AsyncIterator[SchedulerClient]:
        async with self.connect() as client:
            yield client

    async def test_request_arrives_as_it_was_given(self, client: SchedulerClient) -> None:
        request = RestRequest(
            method="PATCH",
            target="/s1/jobs/a%2Fb%20c?api-version=2014-04-01&$filter=state%20eq%20enabled",
            headers={"Repeatability-Request-ID": "op1", "Content-Type": "application/json"},
            body="{“ß”}".encode(),
        )

        seen = echoed(await client.send(request, within=LONG))

        assert (seen["method"], seen["path"]) == ("PATCH", "/s1/jobs/a%2Fb%20c")
        assert seen["query"] == "api-version=2014-04-01&$filter=state%20eq%20enabled"
        assert seen["headers"]["repeatability-request-id"] == "op1"
        assert seen["headers"]["content-type"] == "application/json"
        assert seen["body"] == "{“ß”}"

    async def test_change_without_a_body_says_that_it_has_none(
        self, client: SchedulerClient
    ) -> None:
        target = "/s1/jobs/a/run?api-version=2014-04-01"

        seen = echoed(await client.send(RestRequest(method="POST", target=target), within=LONG))

        assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/s1/jobs/a/run", "")
        assert seen["headers"]["content-length"] == "0"
        assert not {"content-type", "transfer-encoding"} & seen["headers"].keys()

    async def test_every_request_names_the_version_of_the_service(
        self, client: SchedulerClient
    ) -> None:
        seen = echoed(await client.send(RestRequest(method="GET", target="/s1"), within=LONG))

        assert seen["headers"]["x-ms-version"] == "2014-10-01"
        assert "accept-encoding" not in seen["headers"] or (
            seen["headers"]["accept-encoding"] == "identity"
        )

    async def test_server_sees_our_certificate(self, client: SchedulerClient) -> None:
        seen = echoed(await client.send(RestRequest(method="GET", target="/s1"), within=LONG))

        assert seen["certificate"] == self.fingerprint

    async def test_answer_has_status_body_and_headers_in_lower_case(
        self, client: SchedulerClient
    ) -> None:
        response = await client.send(RestRequest(method="GET", target="/busy"), within=LONG)

        assert (response.status, response.body) == (503, b"later")
        assert response.headers["retry-after"] == "7"

    async def test_redirect_is_an_answer_like_any_other(self, client: SchedulerClient) -> None:
        response = await client.send(RestRequest(method="GET", target="/redirect"), within=LONG)

        assert (response.status, response.headers["location"]) == (307, "/elsewhere")

    async def test_silence_leaves_the_outcome_unknown(self, client: SchedulerClient) -> None:
        with pytest.raises(OutcomeUnknownError):
            await client.send(
                RestRequest(method="PUT", target="/silent"), within=timedelta(seconds=0.2)
            )

    async def test_answer_that_breaks_off_leaves_the_outcome_unknown(
        self, client: SchedulerClient
    ) -> None:
        await client.send(RestRequest(method="GET", target="/s1"), within=LONG)

        with pytest.raises(OutcomeUnknownError):
            await client.send(RestRequest(method="PUT", target="/broken"), within=LONG)

    async def test_client_works_on_after_a_failure(self, client: SchedulerClient) -> None:
        with pytest.raises(OutcomeUnknownError):
            await client.send(RestRequest(method="PUT", target="/broken"), within=LONG)

        response = await client.send(RestRequest(method="GET", target="/s1"), within=LONG)

        assert response.status == 200

    async def test_many_at_once_get_their_own_answers(self, client: SchedulerClient) -> None:
        targets = [f"/s1/{number}" for number in range(50)]

        responses = await asyncio.gather(
            *(client.send(RestRequest(method="GET", target=one), within=LONG) for one in targets)
        )

        assert [echoed(response)["path"] for response in responses] == targets

    async def test_closed_client_sends_nothing(self, client: SchedulerClient) -> None:
        await client.close()

        with pytest.raises(TransientError) as raised:
            await client.send(RestRequest(method="GET", target="/s1"), within=LONG)

        assert not isinstance(raised.value, OutcomeUnknownError)
