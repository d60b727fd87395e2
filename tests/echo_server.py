"""An HTTPS server in a thread of its own that answers with the request's body and the fingerprint of its sender."""

import asyncio
import logging
import ssl
import threading
from asyncio import AbstractEventLoop, StreamReader, StreamWriter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from shared.tls import fingerprint


class EchoServer:
    """Listens on loopback while it is entered; `complaints` holds what the event loop reported as unhandled."""

    def __init__(self, context: ssl.SSLContext, new_loop: Callable[[], AbstractEventLoop]) -> None:
        self.complaints: list[dict[str, Any]] = []
        self.port = 0
        self._context = context
        self._loop = new_loop()
        self._loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(
            answer_all, "127.0.0.1", 0, ssl=self._context, backlog=512, ssl_shutdown_timeout=1
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


async def answer_all(reader: StreamReader, writer: StreamWriter) -> None:
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    sender = fingerprint(der) if der else "none"
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(content_length(head))
            status = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nSender: {sender}\r\n\r\n"
            writer.write(status.encode() + body)
            await writer.drain()
    except (OSError, EOFError, asyncio.CancelledError) as error:
        logging.getLogger(__name__).debug("connection ended: %r", error)
    finally:
        writer.close()


def content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
