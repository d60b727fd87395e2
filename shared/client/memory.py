"""An ASGI app in this process as the server: what tests and the simulation call instead of a socket."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from shared.client.scheduler import (
    SERVICE_VERSION,
    OutcomeUnknownError,
    RestRequest,
    RestResponse,
)
from shared.errors import TransientError

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class MemorySchedulerClient:
    """Calls `app`; `certificate` is what it sees as ours, None when we present none.

    An app that raises or ends without an answer is a broken connection.
    """

    def __init__(self, app: AsgiApp, *, certificate: bytes | None = None) -> None:
        self._app = app
        self._certificate = certificate
        self._is_closed = False

    async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
        if self._is_closed:
            raise TransientError("the client is closed")
        exchange = Exchange(request.body or b"")
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._app(self._scope(request), exchange.receive, exchange.send)
        except Exception as error:  # whatever an app does must look like a server that did it
            raise OutcomeUnknownError(f"no answer: {type(error).__name__}") from error
        return exchange.response()

    async def close(self) -> None:
        self._is_closed = True

    def _scope(self, request: RestRequest) -> Message:
        path, _, query = request.target.partition("?")
        headers = {"host": "localhost", "x-ms-version": SERVICE_VERSION, **request.headers}
        headers["content-length"] = str(len(request.body or b""))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "https",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 443),
            "extensions": {"tls": {"client_cert_der": self._certificate}},
        }


class Exchange:
    """The two halves of one call, as an app sees them."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._is_complete = False

    async def receive(self) -> Message:
        if self._body is None:
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {
                name.decode().lower(): value.decode() for name, value in message["headers"]
            }
        else:
            self._chunks.append(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)

    def response(self) -> RestResponse:
        if self._status is None or not self._is_complete:
            raise OutcomeUnknownError("the app ended before its answer did")
        return RestResponse(status=self._status, headers=self._headers, body=b"".join(self._chunks))
