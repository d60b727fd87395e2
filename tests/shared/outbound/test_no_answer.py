import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.development_certificates import create_development_certificates
from shared.errors import NoAnswer, NoAnswerError
from shared.outbound.guard import AddressGuard
from shared.outbound.session import OutboundSession
from tests.target_server import serving

LIMIT = timedelta(seconds=5)
SHORT = timedelta(milliseconds=300)
LOOPBACK = AddressGuard([IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")])


@pytest.fixture
async def session() -> AsyncIterator[OutboundSession]:
    session = OutboundSession(LOOPBACK)
    yield session
    await session.close()


async def failure(
    session: OutboundSession, url: str, *, time_limit: timedelta = LIMIT
) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as caught:
        await session.request("POST", url, body=b"hello", headers={}, time_limit=time_limit)
    return caught.value


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://does-not-exist.invalid/", NoAnswer.NAME_NOT_RESOLVED),
        ("http://" + "a" * 64 + ".example/", NoAnswer.NAME_NOT_RESOLVED),
        ("http://" + "a" * 300 + ".example/", NoAnswer.NAME_NOT_RESOLVED),
        ("http://127.0.0.1:1/", NoAnswer.UNREACHABLE),
        ("https://127.0.0.1:1/", NoAnswer.UNREACHABLE),
        ("http://10.0.0.1/", NoAnswer.NOT_ALLOWED),
        ("ftp://127.0.0.1/", NoAnswer.NOT_SENDABLE),
        ("nonsense", NoAnswer.NOT_SENDABLE),
        ("http://", NoAnswer.NOT_SENDABLE),
        ("http://[::1/", NoAnswer.NOT_SENDABLE),
        ("http://127.1/", NoAnswer.NOT_SENDABLE),
        ("http://127.0.0.1:99999/", NoAnswer.NOT_SENDABLE),
    ],
)
async def test_p10_a_url_that_leads_nowhere_says_why(
    session: OutboundSession, url: str, kind: NoAnswer
) -> None:
    assert (await failure(session, url)).kind == kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, NoAnswer.CLOSED),
        (b"", NoAnswer.TIMEOUT),
        (b"nonsense\r\n\r\n", NoAnswer.NOT_HTTP),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NoAnswer.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", NoAnswer.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\n" + b"a: " + b"b" * 10_000 + b"\r\n\r\n", NoAnswer.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1_000 + b"\r\n", NoAnswer.NOT_HTTP),
    ],
)
async def test_p10_a_server_that_does_not_answer_says_why_and_shows_no_query(
    session: OutboundSession, answer: bytes | None, kind: NoAnswer
) -> None:
    async with serving(lambda _: answer) as server:
        error = await failure(session, f"{server.url}?token=s3cret", time_limit=SHORT)

    assert error.kind == kind
    assert error.message
    assert "s3cret" not in error.message


async def test_p9_a_name_that_leads_to_a_refused_address_says_where_to() -> None:
    session = OutboundSession(AddressGuard())

    error = await failure(session, "http://localhost:9/")

    assert error.kind == NoAnswer.NOT_ALLOWED
    assert "localhost leads to " in error.message
    assert "127.0.0.1" in error.message
    await session.close()


async def test_p9_a_certificate_of_a_stranger_is_not_trusted(
    session: OutboundSession, tmp_path: Path
) -> None:
    files = create_development_certificates(tmp_path, now=SystemClock().now())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server)
    async with serving(context=context) as server:
        error = await failure(session, f"https://127.0.0.1:{server.port}/")

        assert error.kind == NoAnswer.NOT_TRUSTED
        assert "unable to get local issuer certificate" in error.message
        assert server.requests == []


async def test_a_server_without_tls_offers_no_secure_channel(session: OutboundSession) -> None:
    async def answer_in_plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(answer_in_plain, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]

    error = await failure(session, f"https://127.0.0.1:{port}/")

    assert error.kind == NoAnswer.NO_SECURE_CHANNEL
    listener.close()
