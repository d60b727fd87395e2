"""HTTP triggers as an ASGI app."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import azure.functions.http

from shared.errors import InvocationError
from shared.host.answers import Answer, read_answer
from shared.host.functions import HostedFunction, HttpTrigger
from shared.host.host_json import HostSettings
from shared.host.invocation import Invoker
from shared.host.keys import HostKeys
from shared.host.routing import RouteTable

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

EMPTY = [(b"content-length", b"0")]
# What else a Host header may hold would become part of the URL that a function reads its path from.
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]{1,5})?")
BAD_HOST = Answer(400, EMPTY, b"")
NOT_FOUND = Answer(404, EMPTY, b"")
UNAUTHORIZED = Answer(401, EMPTY, b"")
TOO_LARGE = Answer(413, [*EMPTY, (b"connection", b"close")], b"")
FAILED = Answer(500, EMPTY, b"")


class BodyTooLargeError(Exception):
    """The body is over the limit; what is left of it was not read."""


class DisconnectedError(Exception):
    """The client went away before it had sent its body."""


class HttpTriggers:
    """Answers requests by the function whose route fits."""

    def __init__(
        self,
        functions: Sequence[HostedFunction],
        *,
        invoker: Invoker,
        keys: HostKeys,
        settings: HostSettings,
    ) -> None:
        self._invoker = invoker
        self._keys = keys
        self._max_body_bytes = settings.max_body_bytes
        self._running = 0
        self._routes: RouteTable[tuple[HostedFunction, HttpTrigger]] = RouteTable()
        for function in functions:
            if isinstance(trigger := function.trigger, HttpTrigger):
                template = f"{settings.route_prefix}/{trigger.template.strip('/')}"
                self._routes.add(template, trigger.methods, (function, trigger))

    @property
    def is_running(self) -> bool:
        """Whether a caller waits for a function at this moment."""
        return self._running > 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; scope type `http` only."""
        try:
            answer = await self._answer(scope, receive)
        except DisconnectedError:
            return
        await send_answer(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path = scope["raw_path"].decode("latin-1")
        matched = self._routes.match(scope["method"], path)
        if matched is None:
            return refused(NOT_FOUND, scope)
        (function, trigger), route_params = matched
        headers = read_headers(scope)
        if not HOST.fullmatch(headers.get("host", "")):
            return refused(BAD_HOST, scope)
        params = read_query(scope["query_string"])
        presented = headers.get("x-functions-key") or params.get("code")
        if not self._keys.opens(trigger.auth_level, function.name, presented):
            logger.warning(
                "refused a call of %s without its key",
                function.name,
                extra={"action": "refuse", "function": function.name},
            )
            return UNAUTHORIZED
        try:
            body = await read_body(receive, headers, limit=self._max_body_bytes)
        except BodyTooLargeError:
            return refused(TOO_LARGE, scope)

        def request() -> azure.functions.http.HttpRequest:
            return azure.functions.http.HttpRequest(
                method=scope["method"],
                url=full_url(scope, headers, path),
                headers=headers,
                params=params,
                route_params=route_params,
                body_type="bytes",
                body=body,
            )

        trace = (headers.get("traceparent", ""), headers.get("tracestate", ""))
        self._running += 1
        try:
            answer: Answer = await self._invoker.invoke(
                function, request, trace=trace, read=read_answer
            )
        except InvocationError:
            return FAILED
        finally:
            self._running -= 1
        return answer


def refused(answer: Answer, scope: Scope) -> Answer:
    """Return `answer`, which no function gave, and say so once."""
    logger.info(
        "refused a request: %d",
        answer.status,
        extra={"action": "refuse", "method": scope["method"], "path": scope["path"][:200]},
    )
    return answer


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a whole answer."""
    start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers, names in lower case, repeated ones joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), header_text(raw_value)
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def header_text(value: bytes) -> str:
    """Return a header's value, which is UTF-8 as the host reads it; what is none is ISO 8859-1 (RFC 9110, 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def read_query(query: bytes) -> dict[str, str]:
    """Return the query's parameters, repeated ones joined by a comma, empty ones dropped, as the host does."""
    params: dict[str, str] = {}
    if query:
        for name, value in parse_qsl(query.decode("latin-1")):
            params[name] = f"{params[name]},{value}" if name in params else value
    return params


async def read_body(receive: Receive, headers: Mapping[str, str], *, limit: int) -> bytes:
    """Return the whole body. Raises BodyTooLargeError or DisconnectedError."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLargeError
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLargeError
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def full_url(scope: Scope, headers: dict[str, str], path: str) -> str:
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{headers.get('host', '127.0.0.1')}{path}"
    return f"{url}?{query}" if query else url
