"""The client over real TLS sockets against the contract, and what only sockets can do to it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from shared.client.rest import LARGEST_ANSWER, RestSchedulerClient
from shared.client.scheduler import OutcomeUnknownError, RestRequest, SchedulerClient
from shared.clock import SystemClock
from shared.development_certificates import (
    DevelopmentCertificates,
    create_development_certificates,
)
from shared.errors import AuthenticationError, ConfigurationError, TransientError
from shared.host.server import Endpoint, Servers
from shared.tls import client_context, fingerprint
from shared.tls_server import ServerContext
from tests.clocks import settle
from tests.contracts.scheduler_client import LONG, SchedulerClientContract, echoed, server_app

GET = RestRequest(method="GET", target="/s1")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def now() -> datetime:
    return SystemClock().now()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentCertificates:
    return create_development_certificates(tmp_path_factory.mktemp("certificates"), now=now())


def new_context(certificate: Path, *, trusted: Path) -> ssl.SSLContext:
    return client_context(certificate.read_bytes(), authority=trusted)


def client_of(
    port: int, certificates: DevelopmentCertificates, *, trusted: Path | None = None
) -> RestSchedulerClient:
    ca = trusted or certificates.authority
    context = partial(new_context, certificates.client, trusted=ca)
    return RestSchedulerClient(f"https://127.0.0.1:{port}", new_context=context, ca=ca)


class TestRestSchedulerClient(SchedulerClientContract):
    @pytest.fixture(autouse=True)
    def _certificates(self, certificates: DevelopmentCertificates) -> None:
        self.certificates = certificates
        self.fingerprint = fingerprint(certificates.client_cer.read_bytes())

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SchedulerClient]:
        context = ServerContext(self.certificates.server)
        servers = Servers([Endpoint(app=server_app, port=0, tls=context)], grace_seconds=1)
        (port,) = await servers.start()
        client = client_of(port, self.certificates)
        try:
            yield client
        finally:
            await client.close()
            await servers.stop()
            await settle()

    async def test_certificate_in_a_pfx_is_presented_too(self) -> None:
        async with self.connect() as other:
            assert isinstance(other, RestSchedulerClient)
            context = partial(
                new_context, self.certificates.client_pfx, trusted=self.certificates.authority
            )
            client = RestSchedulerClient(
                other.url, new_context=context, ca=self.certificates.authority
            )

            seen = echoed(await client.send(GET, within=LONG))
            await client.close()

        assert seen["certificate"] == self.fingerprint


@asynccontextmanager
async def tls_server(context: ssl.SSLContext, handle: Handler) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await settle()


def server_context(certificates: DevelopmentCertificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)
    return context


async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def answer_once_then_hang_up(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")


async def answer_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(LARGEST_ANSWER // 2**20 + 2):
        writer.write(bytes(2**20))
        await writer.drain()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_server_that_demands_another_certificate_refuses_ours(
    certificates: DevelopmentCertificates, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    others = create_development_certificates(tmp_path, now=now())
    context = server_context(certificates)
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(others.authority)

    async with tls_server(context, hang_up) as port:
        client = client_of(port, certificates)
        with pytest.raises(AuthenticationError):
            await client.send(GET, within=LONG)
        await client.close()


async def test_new_connection_that_is_closed_at_once_counts_as_a_refusal(
    certificates: DevelopmentCertificates,
) -> None:
    async with tls_server(server_context(certificates), hang_up) as port:
        client = client_of(port, certificates)
        with pytest.raises(AuthenticationError):
            await client.send(GET, within=LONG)
        await client.close()


async def test_used_connection_that_is_closed_leaves_the_outcome_unknown(
    certificates: DevelopmentCertificates,
) -> None:
    async with tls_server(server_context(certificates), answer_once_then_hang_up) as port:
        client = client_of(port, certificates)
        await client.send(GET, within=LONG)
        with pytest.raises(OutcomeUnknownError):
            await client.send(GET, within=LONG)
        await client.close()


async def test_our_certificate_is_read_again_after_a_refusal(
    certificates: DevelopmentCertificates,
) -> None:
    contexts: list[ssl.SSLContext] = []

    def read_again() -> ssl.SSLContext:
        contexts.append(new_context(certificates.client, trusted=certificates.authority))
        return contexts[-1]

    async with tls_server(server_context(certificates), hang_up) as port:
        client = RestSchedulerClient(
            f"https://127.0.0.1:{port}", new_context=read_again, ca=certificates.authority
        )
        with pytest.raises(AuthenticationError):
            await client.send(GET, within=LONG)
        await client.close()

    assert len(contexts) == 2


async def test_certificate_that_cannot_be_read_again_is_a_refusal_too(
    certificates: DevelopmentCertificates, tmp_path: Path
) -> None:
    copy = tmp_path / "client.pem"
    copy.write_bytes(certificates.client.read_bytes())
    context = partial(new_context, copy, trusted=certificates.authority)

    async with tls_server(server_context(certificates), hang_up) as port:
        client = RestSchedulerClient(
            f"https://127.0.0.1:{port}", new_context=context, ca=certificates.authority
        )
        copy.unlink()
        with pytest.raises(AuthenticationError, match="cannot be read"):
            await client.send(GET, within=LONG)
        await client.close()


async def test_server_that_we_do_not_trust_gets_no_request(
    certificates: DevelopmentCertificates, tmp_path: Path
) -> None:
    others = create_development_certificates(tmp_path, now=now())
    requests = 0

    async def count(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += len(await reader.read())

    async with tls_server(server_context(certificates), count) as port:
        client = client_of(port, certificates, trusted=others.authority)
        with pytest.raises(AuthenticationError, match="not one that we trust"):
            await client.send(GET, within=LONG)
        await client.close()

    assert requests == 0


async def test_address_where_nobody_listens_has_seen_nothing(
    certificates: DevelopmentCertificates,
) -> None:
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    client = client_of(port, certificates)

    with pytest.raises(TransientError) as raised:
        await client.send(GET, within=LONG)
    await client.close()

    assert not isinstance(raised.value, OutcomeUnknownError)


async def test_answer_without_end_is_cut_off(certificates: DevelopmentCertificates) -> None:
    async with tls_server(server_context(certificates), answer_without_end) as port:
        client = client_of(port, certificates)
        with pytest.raises(OutcomeUnknownError, match="larger than"):
            await client.send(GET, within=LONG)
        await client.close()


async def test_head_and_body_of_a_request_are_one_record(
    certificates: DevelopmentCertificates,
) -> None:
    context, body = server_context(certificates), b"a body"

    def first_record(listener: socket.socket) -> bytes:
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as secured:
            record = secured.recv(65_536)  # of one record at most, however many have arrived
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            return record

    with socket.create_server(("127.0.0.1", 0)) as listener:
        reading = asyncio.create_task(asyncio.to_thread(first_record, listener))
        client = client_of(listener.getsockname()[1], certificates)
        await client.send(RestRequest(method="PUT", target="/s1", body=body), within=LONG)
        await client.close()

    assert (await reading).endswith(b"\r\n\r\n" + body)


async def answer_in_two_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 No Content\r\nWarning: one\r\nWARNING: two\r\n\r\n")
    await writer.drain()


async def test_header_that_comes_twice_has_both_values(
    certificates: DevelopmentCertificates,
) -> None:
    async with tls_server(server_context(certificates), answer_in_two_headers) as port:
        client = client_of(port, certificates)
        answer = await client.send(GET, within=LONG)
        await client.close()

    assert answer.headers == {"warning": "one, two"}


def test_address_without_tls_is_refused(certificates: DevelopmentCertificates) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        RestSchedulerClient(
            "http://127.0.0.1:1",
            new_context=partial(new_context, certificates.client, trusted=certificates.authority),
            ca=certificates.authority,
        )
