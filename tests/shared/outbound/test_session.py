import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

import pytest

from shared.errors import TransientError
from shared.outbound.guard import AddressGuard
from shared.outbound.session import BODY_CAP, OutboundSession, look_up

LIMIT = timedelta(seconds=5)
LOOPBACK = AddressGuard([IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")])


class Server:
    """Answers each request with the bytes of `answer`; counts connections and keeps the requests."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\nhello"))
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[Server]:
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.fixture
async def session() -> AsyncIterator[OutboundSession]:
    session = OutboundSession(LOOPBACK)
    yield session
    await session.close()


async def post(
    session: OutboundSession, url: str, *, headers: Mapping[str, str] | None = None
) -> int:
    answer = await session.post(url, body=b"hello", headers=headers or {}, time_limit=LIMIT)
    return answer.status


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "0"]
)
async def test_p9_a_refused_address_is_never_dialled(host: str) -> None:
    session = OutboundSession(AddressGuard())
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as server:
        with pytest.raises(TransientError):
            await post(session, f"http://{host}:{server.port}/")

        assert server.connections == 0
        await session.close()


async def test_p9_a_name_that_leads_to_a_refused_address_says_where_to() -> None:
    session = OutboundSession(AddressGuard())

    with pytest.raises(TransientError, match="localhost leads to .*127.0.0.1"):
        await post(session, "http://localhost:9/")

    await session.close()


async def test_p9_of_the_addresses_of_a_name_only_allowed_ones_are_dialled() -> None:
    session = OutboundSession(AddressGuard([IPv4Network("127.0.0.0/8")]))
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as server:
        assert await post(session, f"http://localhost:{server.port}/") == 200

        await session.close()


async def test_p9_a_redirect_is_an_answer(session: OutboundSession) -> None:
    async with serving(
        b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    ) as server:
        assert await post(session, f"http://127.0.0.1:{server.port}/") == 302
        assert len(server.requests) == 1


async def test_a_connection_is_used_again_and_no_cookie_comes_back(
    session: OutboundSession,
) -> None:
    async with serving(
        b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nok"
    ) as server:
        for _ in range(3):
            await post(session, f"http://127.0.0.1:{server.port}/")

        assert server.connections == 1
        assert all(b"cookie" not in request.lower() for request in server.requests)


async def test_a_body_beyond_the_cap_ends_the_connection_and_not_the_answer(
    session: OutboundSession,
) -> None:
    large = b"x" * (BODY_CAP * 4)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(large)
    async with serving(head + large) as server:
        for _ in range(2):
            assert await post(session, f"http://127.0.0.1:{server.port}/") == 200

        assert server.connections == 2


async def test_a_body_that_never_ends_does_not_take_the_answer_with_it(
    session: OutboundSession,
) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nno") as server:
        answer = await session.post(
            f"http://127.0.0.1:{server.port}/",
            body=b"hello",
            headers={},
            time_limit=timedelta(milliseconds=300),
        )

        assert answer.status == 200


async def test_a_compressed_body_is_not_unpacked(session: OutboundSession) -> None:
    async with serving(
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 8\r\n\r\nno gzip!"
    ) as server:
        for _ in range(2):
            assert await post(session, f"http://127.0.0.1:{server.port}/") == 200

        assert server.connections == 1
        assert b"accept-encoding" not in server.requests[0].lower()


async def test_names_of_headers_are_found_in_any_case(session: OutboundSession) -> None:
    async with serving(
        b"HTTP/1.1 503 Busy\r\nrEtry-AFTER: 7\r\ncontent-length: 0\r\n\r\n"
    ) as server:
        answer = await session.post(
            f"http://127.0.0.1:{server.port}/", body=b"hello", headers={}, time_limit=LIMIT
        )

        assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"]
)
async def test_p10_no_answer_is_transient_and_shows_no_query(
    session: OutboundSession, answer: bytes
) -> None:
    async with serving(answer) as server:
        with pytest.raises(TransientError) as caught:
            await session.post(
                f"http://127.0.0.1:{server.port}/?token=s3cret",
                body=b"hello",
                headers={},
                time_limit=timedelta(milliseconds=300),
            )

    assert caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "https://127.0.0.1:1/",
        "http://does-not-exist.invalid/",
        "ftp://127.0.0.1/",
        "nonsense",
        "http://",
        "http://[::1/",
        "http://" + "a" * 300 + ".example/",
    ],
)
async def test_p10_a_url_that_leads_nowhere_is_transient(
    session: OutboundSession, url: str
) -> None:
    with pytest.raises(TransientError):
        await post(session, url)


async def test_p10_a_header_with_a_line_break_is_refused(session: OutboundSession) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as server:
        with pytest.raises(TransientError):
            await post(
                session, f"http://127.0.0.1:{server.port}/", headers={"a": "b\r\nInjected: 1"}
            )

        assert server.requests == []


async def test_p9_a_proxy_of_the_environment_is_not_used() -> None:
    program = """
import asyncio, sys
from datetime import timedelta
from ipaddress import ip_network
from shared.outbound.guard import AddressGuard
from shared.outbound.session import OutboundSession
async def main():
    session = OutboundSession(AddressGuard([ip_network("127.0.0.0/8")]))
    limit = timedelta(seconds=5)
    answer = await session.post(sys.argv[1], body=b"hello", headers={}, time_limit=limit)
    await session.close()
    print(answer.status)
asyncio.run(main())
"""
    async with serving(b"HTTP/1.1 204 No Content\r\n\r\n") as server:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            f"http://127.0.0.1:{server.port}/",
            env={"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"},
            stdout=subprocess.PIPE,
        )
        output, _ = await child.communicate()

    assert output.strip() == b"204"


def test_addresses_come_as_numbers() -> None:
    found = look_up("127.0.0.1", 80, socket.AF_UNSPEC)

    assert [entry["host"] for entry in found] == ["127.0.0.1"]


def test_an_app_that_sends_nothing_does_not_import_aiohttp() -> None:
    program = (
        "import sys, shared.events.sinks.webhook, shared.events.delivery, shared.events.log;"
        "sys.exit('aiohttp' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
