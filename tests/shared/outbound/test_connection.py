import asyncio
import contextlib
import resource
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import aiohttp
import pytest

from shared.clock import SystemClock
from shared.development_certificates import create_development_certificates
from shared.errors import NoAnswer, NoAnswerError
from shared.outbound.connection import (
    ANSWER_BYTES,
    HEAD_BYTES,
    INTERIM_RESPONSES,
    BoundedConnector,
    EndlessAnswerError,
)
from shared.outbound.guard import AddressGuard
from shared.outbound.session import KEEP_ALIVE_SECONDS, Answer, OutboundSession
from tests.target_server import NOTHING, serving

LIMIT = timedelta(seconds=30)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: <%s>\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
# What is on its way when we hang up lies in buffers of the kernel, on both sides.
ON_ITS_WAY = 16_000_000


@pytest.fixture
async def session() -> AsyncIterator[OutboundSession]:
    session = OutboundSession(AddressGuard([IPv4Network("127.0.0.0/8")]))
    yield session
    await session.close()


class EndlessServer:
    """Says one thing and then another for ever, as fast as it is taken."""

    def __init__(self, once: bytes, for_ever: bytes) -> None:
        self._once = once
        self._for_ever = for_ever * (65_536 // len(for_ever) + 1)
        self.port = 0
        self.sent = 0
        self.hung_up = asyncio.Event()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._once)
            while True:
                writer.write(self._for_ever)
                await writer.drain()
                self.sent += len(self._for_ever)
        except (asyncio.IncompleteReadError, OSError):
            self.hung_up.set()
        finally:
            writer.transport.abort()


@asynccontextmanager
async def endless(
    for_ever: bytes, *, once: bytes = b"", context: ssl.SSLContext | None = None
) -> AsyncIterator[EndlessServer]:
    server = EndlessServer(once, for_ever)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


async def get(session: OutboundSession, port: int, *, keep: int = 0) -> Answer:
    url = f"http://127.0.0.1:{port}/"
    return await session.request("GET", url, body=None, headers={}, time_limit=LIMIT, keep=keep)


async def failure(session: OutboundSession, port: int) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as caught:
        await get(session, port)
    return caught.value


@pytest.mark.parametrize(
    ("for_ever", "message"),
    [
        (CONTINUE, f"more than {INTERIM_RESPONSES} interim responses"),
        (HINTS % (b"a" * 6_000), f"no response in the first {HEAD_BYTES} bytes"),
        (b"\r\n", f"no response in the first {HEAD_BYTES} bytes"),
    ],
)
async def test_p10_a_target_that_never_comes_to_its_answer_is_hung_up_on(
    session: OutboundSession, for_ever: bytes, message: str
) -> None:
    async with endless(for_ever) as server:
        error = await failure(session, server.port)
        await server.hung_up.wait()

    assert (error.kind, error.message) == (NoAnswer.NOT_HTTP, message)
    assert server.sent < ON_ITS_WAY


async def test_p10_eight_endless_targets_leave_the_loop_and_the_memory_to_others(
    session: OutboundSession,
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with endless(CONTINUE) as server, serving() as healthy:
        async with asyncio.timeout(5):
            evil = asyncio.gather(*[failure(session, server.port) for _ in range(8)])
            answer = await get(session, healthy.port)
            errors = await evil

    assert answer.status == 200
    assert {error.kind for error in errors} == {NoAnswer.NOT_HTTP}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_p10_a_chunk_that_is_all_frame_ends_and_leaves_the_answer(
    session: OutboundSession,
) -> None:
    async with endless(b"x", once=CHUNKED + b"5\r\nhello\r\n1;") as server:
        answer = await get(session, server.port, keep=100)
        await server.hung_up.wait()

    assert (answer.status, answer.body) == (200, b"hello")
    assert server.sent < ANSWER_BYTES + ON_ITS_WAY


async def test_p10_a_response_that_nobody_asked_for_ends_a_connection_that_is_kept(
    session: OutboundSession,
) -> None:
    is_answered, hung_up = asyncio.Event(), asyncio.Event()

    async def answer_twice(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(NOTHING)
        await is_answered.wait()
        writer.write(NOTHING)
        with contextlib.suppress(OSError):
            assert await reader.read() == b""
        hung_up.set()
        writer.close()

    async with await asyncio.start_server(answer_twice, "127.0.0.1", 0) as listener:
        answer = await get(session, listener.sockets[0].getsockname()[1])
        is_answered.set()
        async with asyncio.timeout(KEEP_ALIVE_SECONDS / 2):
            await hung_up.wait()

    assert answer.status == 200


async def test_p10_an_endless_target_is_hung_up_on_over_tls(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=SystemClock().now())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server)
    trusting = BoundedConnector(ssl=ssl.create_default_context(cafile=files.authority))
    session = aiohttp.ClientSession(connector=trusting)
    async with asyncio.timeout(5), endless(CONTINUE, context=context) as server, session:
        with pytest.raises(EndlessAnswerError):
            await session.get(f"https://127.0.0.1:{server.port}/")
        await server.hung_up.wait()

    assert server.sent < ON_ITS_WAY


async def test_interim_responses_are_passed_over_and_counted_for_each_request_anew(
    session: OutboundSession,
) -> None:
    async with serving(CONTINUE * INTERIM_RESPONSES + NOTHING) as server:
        for _ in range(3):
            assert (await get(session, server.port)).status == 200

        assert server.connections == 1


async def test_a_long_head_and_a_body_in_one_go_arrive_whole(session: OutboundSession) -> None:
    fields = b"".join(b"x-%d: %s\r\n" % (number, b"a" * 500) for number in range(100))
    body = b"0123456789" * 5_000
    answer = b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (fields, len(body), body)
    async with serving(answer) as server:
        for _ in range(2):
            found = await get(session, server.port, keep=len(body))
            assert found.body == body
            assert len(found.header_lines) == 101

        assert server.connections == 1
