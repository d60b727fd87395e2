"""The side of ASGI: what comes in, of bounded size, and what goes out with the headers of the real service."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from shared.errors import Fault, InvalidRequestError
from shared.scheduler.service.exchange import Answer, Responder

MAX_BODY = 65536

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

# As recorded; clients compare none of them, tools that tell servers apart do.
FRONT_END: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (b"server", b"1.0.6198.243 (rd_rdfe_stable.150618-1025) Microsoft-HTTPAPI/2.0"),
    (b"x-ms-servedbyregion", b"ussouth3"),
)
PASSED_THROUGH: tuple[Header, ...] = (
    *FRONT_END,
    (b"pragma", b"no-cache"),
    (b"expires", b"-1"),
    (b"x-aspnet-version", b"4.0.30319"),
    (b"x-powered-by", b"ASP.NET"),
)
HEADERS = {Responder.FRONT_END: FRONT_END, Responder.PROVIDER: PASSED_THROUGH}
XML = (b"content-type", b"application/xml; charset=utf-8")
JSON = (b"content-type", b"application/json; charset=utf-8")


class ClientLeftError(Exception):
    """The connection ended before the request was complete; there is nobody to answer."""


def raw_path(scope: Scope) -> str:
    """Return the percent-encoded path; some servers pass only the decoded one."""
    raw = bytes(scope.get("raw_path") or quote(scope["path"]).encode())
    return raw.decode("latin-1").partition("?")[0]


def read_headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers, names in lower case; of a repeated one the last counts."""
    return {name.lower(): value for name, value in scope["headers"]}


async def read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """Return the whole body.

    Raises:
        InvalidRequestError: it is too large; the rest is not read.
        ClientLeftError: it never ended.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and (len(announced) > 9 or int(announced) > MAX_BODY):
        raise too_large()
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientLeftError
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_BODY:
            raise too_large()
        if not message.get("more_body", False):
            return body


def too_large() -> InvalidRequestError:
    return InvalidRequestError([Fault("body", f"is larger than {MAX_BODY} bytes")])


def classic_headers(answer: Answer, *, responder: Responder, request_id: str) -> list[Header]:
    """Return the headers of who answers on the classic surface, and those that are this answer's alone."""
    named = ((name.encode(), value.encode()) for name, value in answer.headers.items())
    return [*HEADERS[responder], (b"x-ms-request-id", request_id.encode()), *named]


async def send_answer(
    answer: Answer, send: Send, *, method: str, responder: Responder, headers: list[Header]
) -> None:
    """Send `answer` with `headers` and those of its body, which stays here when it is an answer to HEAD."""
    if answer.etag is not None:
        headers.append((b"etag", answer.etag.encode()))
    if answer.repeatability is not None:
        headers.append((b"repeatability-result", answer.repeatability.encode()))
    if answer.body:
        headers.append(XML if answer.body.startswith(b"<") else JSON)
    # The real service answers the deletion of a job chunked, as servers do without a length.
    if answer.body or responder is not Responder.PROVIDER:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    body = b"" if method == "HEAD" else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=4)
def http_date(second: datetime) -> bytes:
    """Return an instant without a fraction in the form of the header `Date` (RFC 9110, 5.6.7)."""
    return format_datetime(second, usegmt=True).encode()


async def acknowledge_lifespan(receive: Receive, send: Send) -> None:
    """Take part in start and stop; the app opens and closes nothing of its own."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
