"""A server of raw bytes on loopback: says what it is told to say, and keeps what it was asked."""

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.echo_server import content_length

NOTHING = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, byte for byte."""

    line: str
    head: bytes
    body: bytes

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values as they came, in their order."""
        lines = self.head.decode().removesuffix("\r\n\r\n").split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def header(self, name: str) -> str:
        """The value of the one header of that name."""
        [value] = [value for key, value in self.headers if key.lower() == name.lower()]
        return value


@dataclass
class TargetServer:
    """Answers each request with `answer`; None hangs up."""

    answer: Callable[[Asked], bytes | None]
    port: int = 0
    connections: int = 0
    requests: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        try:
            while (answer := self.answer(await self._read(reader))) is not None:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client hung up
        finally:
            writer.close()

    async def _read(self, reader: StreamReader) -> Asked:
        head = await reader.readuntil(HEAD_END)
        body = await reader.readexactly(content_length(head))
        asked = Asked(head.partition(b"\r\n")[0].decode(), head, body)
        self.requests.append(asked)
        return asked


@asynccontextmanager
async def serving(
    answer: bytes | Callable[[Asked], bytes | None] = NOTHING,
    *,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[TargetServer]:
    """Listen on loopback, with TLS when there is a context."""
    server = TargetServer((lambda _: answer) if isinstance(answer, bytes) else answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
