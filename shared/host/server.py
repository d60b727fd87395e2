"""Serving ASGI apps on loopback ports: several in one event loop, plain or over TLS.

Over TLS the client's certificate is in `scope["extensions"]["tls"]["client_cert_der"]` (None when none was sent);
whether it is good is the app's decision.
"""

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import httptools
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HOST = "127.0.0.1"
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
MAX_HEAD_BYTES = 64 * 1024
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n"

Header = tuple[bytes, bytes]


class Refusal(Protocol):
    """Returns the headers, but for those of the length and the connection, and the body of an answer 400."""

    def __call__(self, *, is_method_unknown: bool) -> tuple[Sequence[Header], bytes]: ...


def refuse_plainly(*, is_method_unknown: bool) -> tuple[Sequence[Header], bytes]:
    text = b"The method is unknown." if is_method_unknown else b"This is no request of HTTP/1.1."
    return [(b"content-type", b"text/plain; charset=utf-8")], text


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An app and where it listens; port 0 takes a free one. The server adds `Date` unless `app` tells it itself.

    `refusal` answers what cannot be read as HTTP, of which `app` hears nothing.
    """

    app: Any
    port: int
    tls: ssl.SSLContext | None = None
    tells_date: bool = False
    refusal: Refusal = refuse_plainly


class HeadTooLargeError(Exception):
    """Request line and headers exceed their limit; httptools answers 400 and hangs up."""


class Answer(asyncio.Transport):
    """What one answer is written to: its head goes out with the beginning of its body.

    In two writes they would be two records over TLS, and wake whoever waits twice. A head that tells no length, which
    is a stream's, waits for nothing.
    """

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        super().__init__()
        self._transport = transport
        self._cycle = cycle
        # What answers HEAD has no body to wait for.
        self._awaits_head = cycle.scope["method"] != "HEAD"
        self._head = b""

    def write(self, data: Any) -> None:
        if self._awaits_head and self._cycle.chunked_encoding is False:
            self._awaits_head = False
            self._head = data
            return
        head, self._head = self._head, b""
        self._transport.write(head + data)

    def close(self) -> None:
        if self._head:
            self._transport.write(self._head)
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class Connection(HttpToolsProtocol):
    """HTTP/1.1 with a limit on the head of a request and with the peer's certificate in the scope."""

    _head_bytes = 0
    _unfinished_bytes = 0
    _extensions: dict[str, Any] | None = None

    def __init__(self, *arguments: Any, refusal: Refusal, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refusal = refusal

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        if connection is not None:
            der = connection.getpeercert(binary_form=True)
            self._extensions = {"tls": {"client_cert_der": der}}

    def data_received(self, data: bytes) -> None:
        # The parser keeps a header, or a trailer, until its line ends; one that never does must not fill the memory.
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("a header without an end")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._unfinished_bytes = 0
        if self._extensions is not None:
            self.scope["extensions"] = self._extensions

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        # RFC 9110 §5.5: white space around a value is no part of it; the parser drops only what comes before.
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Hang up, saying why in the form of whoever listens here; `msg` is uvicorn's, and in its log."""
        # Called while the parser's error is handled, which is not passed on.
        is_method_unknown = isinstance(sys.exception(), httptools.HttpParserInvalidMethodError)
        headers, body = self._refusal(is_method_unknown=is_method_unknown)
        length = (b"content-length", str(len(body)).encode())
        every = (*self.server_state.default_headers, *headers, length, (b"connection", b"close"))
        head = b"".join(b"%s: %s\r\n" % header for header in every)
        self.transport.write(b"%s%s\r\n%s" % (BAD_REQUEST, head, body))
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.transport = Answer(self.transport, cycle)
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the request is answered as if it had asked for no upgrade."""

    def _count(self, size: int) -> None:
        self._unfinished_bytes = 0
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise HeadTooLargeError


class QuietServer(uvicorn.Server):
    """A server that leaves signals to the program it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Servers:
    """Listens from `start` to `stop`."""

    def __init__(self, endpoints: Sequence[Endpoint], *, grace_seconds: int) -> None:
        self._endpoints = tuple(endpoints)
        self._grace_seconds = grace_seconds
        self._servers: list[QuietServer] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> tuple[int, ...]:
        """Listen; return the ports in the order of the endpoints. Raises OSError when one is taken."""
        with contextlib.ExitStack() as opened:
            sockets = [opened.enter_context(listen(each.port)) for each in self._endpoints]
            opened.pop_all()
        self._servers = [QuietServer(self._config(each)) for each in self._endpoints]
        self._tasks = [
            asyncio.create_task(server.serve(sockets=[each]))
            for server, each in zip(self._servers, sockets, strict=True)
        ]
        # The sockets listen already: whoever connects before the servers run waits in the backlog.
        return tuple(each.getsockname()[1] for each in sockets)

    async def stop(self) -> None:
        """Accept no more, let running requests end within the grace, close."""
        for server in self._servers:
            server.should_exit = True
        await asyncio.gather(*self._tasks)

    def _config(self, endpoint: Endpoint) -> uvicorn.Config:
        tls = endpoint.tls
        return uvicorn.Config(
            endpoint.app,
            # The server makes one for each connection, as it would of the class.
            http=partial(Connection, refusal=endpoint.refusal),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=not endpoint.tells_date,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=self._grace_seconds,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )


def listen(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a program's main coroutine on a uvloop event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
