import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

import pytest

from shared.errors import NoAnswer, NoAnswerError
from shared.outbound.guard import AddressGuard
from shared.outbound.lookups import Lookups
from shared.outbound.session import BODY_CAP, Answer, OutboundSession
from tests.shared.outbound.dead_names import DeadNames
from tests.target_server import serving

LIMIT = timedelta(seconds=5)
LOOPBACK = AddressGuard([IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")])


@pytest.fixture
async def session() -> AsyncIterator[OutboundSession]:
    session = OutboundSession(LOOPBACK)
    yield session
    await session.close()


async def post(
    session: OutboundSession, url: str, *, headers: Mapping[str, str] | None = None
) -> int:
    answer = await session.request(
        "POST", url, body=b"hello", headers=headers or {}, time_limit=LIMIT
    )
    return answer.status


async def request(
    session: OutboundSession, method: str, url: str, *, body: bytes | None = None, keep: int = 0
) -> Answer:
    return await session.request(method, url, body=body, headers={}, time_limit=LIMIT, keep=keep)


@contextmanager
def deaf_server() -> Iterator[str]:
    """Listen and take no connection: the backlog holds one, and the kernel answers nobody after that."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        with socket.create_connection(address):
            yield f"http://127.0.0.1:{address[1]}/"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "0"]
)
async def test_p9_a_refused_address_is_never_dialled(host: str) -> None:
    session = OutboundSession(AddressGuard())
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as server:
        with pytest.raises(NoAnswerError):
            await post(session, f"http://{host}:{server.port}/")

        assert server.connections == 0
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
        assert all(b"cookie" not in request.head.lower() for request in server.requests)


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
        answer = await session.request(
            "POST",
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
        assert b"accept-encoding" not in server.requests[0].head.lower()


async def test_names_of_headers_are_found_in_any_case(session: OutboundSession) -> None:
    async with serving(
        b"HTTP/1.1 503 Busy\r\nrEtry-AFTER: 7\r\ncontent-length: 0\r\n\r\n"
    ) as server:
        answer = await session.request(
            "POST", f"http://127.0.0.1:{server.port}/", body=b"hello", headers={}, time_limit=LIMIT
        )

        assert answer.headers["Retry-After"] == "7"


async def test_p10_a_header_with_a_line_break_is_refused(session: OutboundSession) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as server:
        with pytest.raises(NoAnswerError):
            await post(
                session, f"http://127.0.0.1:{server.port}/", headers={"a": "b\r\nInjected: 1"}
            )

        assert server.requests == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", "/"),
        ("?a=b", "/?a=b"),
        ("/a%2Fb/../c//d?x=%41+b&y=a%20b&z=%zz", None),
        ("/%7Euser/(x);y=1,2?q=[1]|{2}", None),
        ("/a?b?c#fragment", "/a?b?c"),
        ("/zoë/%2F?q=ü b".replace(" ", "+"), "/zo%C3%AB/%2F?q=%C3%BC+b"),
    ],
)
async def test_a_url_is_sent_as_it_is_written(
    session: OutboundSession, path: str, line: str | None
) -> None:
    async with serving() as server:
        await request(session, "GET", server.url.removesuffix("/") + path)

        assert server.requests[0].line == f"GET {line or path} HTTP/1.1"


async def test_an_international_name_is_looked_up_as_dns_has_it(session: OutboundSession) -> None:
    with pytest.raises(NoAnswerError) as caught:
        await request(session, "GET", "http://bücher.invalid/ü")

    assert caught.value.kind == NoAnswer.NAME_NOT_RESOLVED


@pytest.mark.parametrize("method", ["GET", "DELETE", "post", "PATCH", "HEAD", "OPTIONS", "X-MY"])
@pytest.mark.parametrize("body", [None, b"", b"\x00\xff"])
async def test_any_method_is_sent_in_capitals_with_any_body(
    session: OutboundSession, method: str, body: bytes | None
) -> None:
    async with serving() as server:
        for _ in range(2):
            await request(session, method, server.url, body=body)

        [first, second] = server.requests
        assert first.line == second.line == f"{method.upper()} / HTTP/1.1"
        assert first.body == second.body == (body or b"")
        assert server.connections == 1


async def test_an_answer_has_its_header_lines_as_they_came(session: OutboundSession) -> None:
    async with serving(
        b"HTTP/1.1 200 OK\r\nB: 1\r\na: \xe4\r\nb: 2\r\ncontent-length: 0\r\n\r\n"
    ) as server:
        answer = await request(session, "GET", server.url)

    assert list(answer.header_lines) == [
        (b"B", b"1"),
        (b"a", b"\xe4"),
        (b"b", b"2"),
        (b"content-length", b"0"),
    ]


@pytest.mark.parametrize(("keep", "kept"), [(0, b""), (5, b"01234"), (10, b"0123456789")])
@pytest.mark.parametrize(
    "framed",
    [
        b"content-length: 10\r\n\r\n0123456789",
        b"transfer-encoding: chunked\r\n\r\n3\r\n012\r\n7\r\n3456789\r\n0\r\n\r\n",
    ],
)
async def test_as_much_of_a_body_is_kept_as_was_asked_for(
    session: OutboundSession, framed: bytes, keep: int, kept: bytes
) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n" + framed) as server:
        for _ in range(2):
            assert (await request(session, "GET", server.url, keep=keep)).body == kept

        assert server.connections == 1


async def test_what_came_of_a_body_that_breaks_off_is_kept(session: OutboundSession) -> None:
    answers = iter([b"HTTP/1.1 500 Oh\r\ncontent-length: 10\r\n\r\n012", None])
    async with serving(lambda _: next(answers)) as server:
        answer = await session.request(
            "GET",
            server.url,
            body=None,
            headers={},
            time_limit=timedelta(milliseconds=300),
            keep=100,
        )

    assert (answer.status, answer.body) == (500, b"012")


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
    answer = await session.request("POST", sys.argv[1], body=b"hello", headers={}, time_limit=limit)
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


async def test_a_host_that_takes_no_connection_is_unreachable_long_before_the_time_limit() -> None:
    session = OutboundSession(LOOPBACK, connect_limit=timedelta(milliseconds=200))
    with deaf_server() as url, pytest.raises(NoAnswerError) as caught:
        await request(session, "GET", url)

    assert caught.value.kind == NoAnswer.UNREACHABLE
    assert caught.value.message == "no connection within 0.2 s"
    await session.close()


async def test_a_host_that_takes_a_connection_may_take_its_time() -> None:
    session = OutboundSession(LOOPBACK, connect_limit=timedelta(milliseconds=200))
    async with serving(b"") as silent:
        with pytest.raises(NoAnswerError) as caught:
            await session.request(
                "GET", silent.url, body=None, headers={}, time_limit=timedelta(milliseconds=500)
            )

    assert caught.value.kind == NoAnswer.TIMEOUT
    await session.close()


async def test_a_time_limit_within_the_limit_of_connecting_is_a_timeout() -> None:
    session = OutboundSession(LOOPBACK)
    short = timedelta(milliseconds=200)
    with deaf_server() as url, pytest.raises(NoAnswerError) as caught:
        await session.request("GET", url, body=None, headers={}, time_limit=short)

    assert caught.value.message == "no answer within 0.2 s"
    await session.close()


async def test_a_name_whose_dns_does_not_answer_is_not_resolved() -> None:
    dead = DeadNames()
    session = OutboundSession(
        LOOPBACK, lookups=Lookups(dead.look_up, time_limit=timedelta(milliseconds=200))
    )
    with pytest.raises(NoAnswerError) as caught:
        await request(session, "GET", "http://dead.example/")

    assert caught.value.kind == NoAnswer.NAME_NOT_RESOLVED
    assert caught.value.message == "gaierror: no answer within 0.2 s"
    dead.revive()
    await session.close()


def test_an_app_that_sends_nothing_does_not_import_aiohttp() -> None:
    program = (
        "import sys, shared.events.sinks.webhook, shared.events.delivery, shared.events.log;"
        "sys.exit('aiohttp' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_p9_a_session_that_presents_a_certificate_is_guarded_alike() -> None:
    context = ssl.create_default_context()
    async with serving() as server:
        session = OutboundSession(AddressGuard()).presenting(context)
        with pytest.raises(NoAnswerError) as caught:
            await post(session, server.url.replace("http:", "https:"))
        await session.close()

    assert caught.value.kind is NoAnswer.NOT_ALLOWED
    assert server.connections == 0


async def test_what_presents_a_certificate_is_closed_with_its_session() -> None:
    session = OutboundSession(LOOPBACK)
    presenting = session.presenting(ssl.create_default_context())

    await session.close()

    async with serving() as server:
        with pytest.raises(RuntimeError, match="closed"):
            await post(presenting, server.url)
