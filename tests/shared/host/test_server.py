"""Each test runs on a uvloop event loop of its own, as a program does."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from shared.clock import SystemClock
from shared.development_certificates import create_development_certificates
from shared.host.server import HOST, MAX_HEAD_BYTES, Endpoint, Servers, run
from shared.tls import client_context, fingerprint
from shared.tls_server import ServerContext

Message = dict[str, Any]


async def show(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer with the scheme, and the fingerprint of the certificate that was shown."""
    await receive()
    tls = scope.get("extensions", {}).get("tls", {})
    der = tls.get("client_cert_der")
    shown = fingerprint(der) if der else str(der)
    body = f"{scope['scheme']} {shown if tls else '-'}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(*endpoints: Endpoint) -> AsyncIterator[tuple[int, ...]]:
    servers = Servers(endpoints, grace_seconds=2)
    ports = await servers.start()
    try:
        yield ports
    finally:
        await servers.stop()


async def get(url: str, tls: ssl.SSLContext | None = None) -> str:
    async with aiohttp.ClientSession() as session, session.get(url, ssl=tls or False) as response:
        return await response.text()


def test_plain_and_tls_endpoints_share_a_loop_and_show_the_certificate(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=SystemClock().now())
    anonymous = ssl.create_default_context(cafile=str(files.authority))
    known = client_context(files.client.read_bytes(), None)
    known.load_verify_locations(files.authority)
    answers = []

    async def scenario() -> None:
        assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
        encrypted = Endpoint(app=show, port=0, tls=ServerContext(files.server))
        async with serving(Endpoint(app=show, port=0), encrypted) as (plain, secure):
            answers.append(await get(f"http://{HOST}:{plain}/"))
            answers.append(await get(f"https://{HOST}:{secure}/", anonymous))
            answers.append(await get(f"https://{HOST}:{secure}/", known))

    run(scenario())

    certificate = ssl.PEM_cert_to_DER_cert(leaf(files.client))
    assert answers == ["http -", "https None", f"https {fingerprint(certificate)}"]


def leaf(path: Path) -> str:
    text = path.read_text()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return text[text.index(begin) : text.index(end) + len(end)]


@pytest.mark.parametrize("tells_date", [True, False])
def test_there_is_one_date_whoever_tells_it(tells_date: bool) -> None:
    told = "Mon, 16 Jun 2014 00:00:00 GMT"
    dates: list[list[str]] = []

    async def dated(_scope: Message, _receive: Any, send: Any) -> None:
        headers = [(b"date", told.encode())] if tells_date else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def scenario() -> None:
        endpoint = Endpoint(app=dated, port=0, tells_date=tells_date)
        async with (
            serving(endpoint) as (port,),
            aiohttp.ClientSession() as session,
            session.get(f"http://{HOST}:{port}/") as response,
        ):
            dates.append(response.headers.getall("date"))

    run(scenario())

    assert [len(each) for each in dates] == [1]
    assert (dates[0] == [told]) == tells_date


def test_a_taken_port_is_reported_and_nothing_stays_open() -> None:
    async def scenario() -> None:
        async with serving(Endpoint(app=show, port=0)) as (taken,):
            free = Endpoint(app=show, port=0)
            servers = Servers([free, Endpoint(app=show, port=taken)], grace_seconds=1)
            with pytest.raises(OSError, match="in use"):
                await servers.start()

    run(scenario())


def test_running_requests_end_when_it_stops() -> None:
    answers = []

    async def scenario() -> None:
        entered, gate = asyncio.Event(), asyncio.Event()

        async def slow(scope: Message, receive: Any, send: Any) -> None:
            entered.set()
            await gate.wait()
            await show(scope, receive, send)

        servers = Servers([Endpoint(app=slow, port=0)], grace_seconds=5)
        (port,) = await servers.start()
        asking = asyncio.ensure_future(get(f"http://{HOST}:{port}/"))
        await entered.wait()
        stopping = asyncio.ensure_future(servers.stop())
        await asyncio.wait([stopping], timeout=0.3)
        gate.set()
        await stopping
        answers.append(await asking)
        with pytest.raises(aiohttp.ClientConnectionError):
            await get(f"http://{HOST}:{port}/")

    run(scenario())

    assert answers == ["http -"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /%s HTTP/1.1\r\nhost: x\r\n" % (b"a" * MAX_HEAD_BYTES),
        b"GET / HTTP/1.1\r\n" + b"x-a: %s\r\n" % (b"b" * 1000) * 70,
        b"\x16\x03\x01 no http at all\r\n\r\n",
    ],
)
def test_p10_oversized_or_garbled_head_is_400_and_others_go_on(head: bytes) -> None:
    answers = []

    async def scenario() -> None:
        async with serving(Endpoint(app=show, port=0)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(head + b"\r\n")
            answers.append((await reader.readline()).split(b" ")[1])
            writer.close()
            answers.append((await get(f"http://{HOST}:{port}/")).encode())

    run(scenario())

    assert answers == [b"400", b"http -"]


def test_head_limit_counts_each_request_of_a_connection_apart() -> None:
    async def scenario() -> None:
        async with serving(Endpoint(app=show, port=0)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            for _ in range(3):
                writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-a: %s\r\n\r\n" % (b"b" * 40_000))
                assert (await reader.readuntil(b"http -")).startswith(b"HTTP/1.1 200")
                await reader.readuntil(b"0\r\n\r\n")
            writer.close()

    run(scenario())


def test_blanks_around_the_value_of_a_header_are_no_part_of_it() -> None:
    values: list[bytes] = []

    async def keep(scope: Message, receive: Any, send: Any) -> None:
        values.extend(value for name, value in scope["headers"] if name == b"x-a")
        await show(scope, receive, send)

    async def scenario() -> None:
        async with serving(Endpoint(app=keep, port=0)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-a: \ta b \t \r\n\r\n")
            await reader.readuntil(b"http -")
            writer.close()

    run(scenario())

    assert values == [b"a b"]


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\nX: ",
        b"GET / HTTP/1.1\r\nX",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ",
    ],
)
def test_p10_a_header_without_an_end_is_hung_up_on(beginning: bytes) -> None:
    sent: list[int] = []

    async def scenario() -> None:
        async with serving(Endpoint(app=show, port=0)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(beginning)
            hung_up = asyncio.ensure_future(reader.read())
            while not hung_up.done() and len(sent) < 100:
                writer.write(b"x" * MAX_HEAD_BYTES)
                sent.append(MAX_HEAD_BYTES)
                with contextlib.suppress(ConnectionError):
                    await writer.drain()
                await asyncio.wait([hung_up], timeout=0.05)
            await asyncio.gather(hung_up, return_exceptions=True)
            writer.close()

    run(scenario())

    assert len(sent) < 100


@pytest.mark.parametrize(
    ("sent", "is_method_unknown"),
    [
        (b"FOO / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/9\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nX: %s\r\n\r\n" % (b"x" * MAX_HEAD_BYTES), False),
    ],
)
def test_p10_what_is_no_http_is_answered_in_the_endpoints_own_form(
    sent: bytes, is_method_unknown: bool
) -> None:
    answers = []

    def refusal(*, is_method_unknown: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
        return [(b"x-found", str(is_method_unknown).encode())], b"own form"

    async def scenario() -> None:
        async with serving(Endpoint(app=show, port=0, refusal=refusal)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(sent)
            async with asyncio.timeout(20):
                answers.append(await reader.read())
            writer.close()

    run(scenario())

    head, _, body = answers[0].partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    assert (status, body) == (b"HTTP/1.1 400 Bad Request", b"own form")
    assert [one for one in headers if not one.startswith(b"date: ")] == [
        b"x-found: %s" % str(is_method_unknown).encode(),
        b"content-length: 8",
        b"connection: close",
    ]


class Sent:
    """An app that answers with these messages, the second one when the gate opens."""

    def __init__(self, headers: list[tuple[bytes, bytes]], *bodies: Message) -> None:
        self.gate = asyncio.Event()
        start: Message = {"type": "http.response.start", "status": 200, "headers": headers}
        self._messages = [start, *({"type": "http.response.body", **body} for body in bodies)]

    async def __call__(self, _scope: Message, receive: Any, send: Any) -> None:
        await receive()
        for number, message in enumerate(self._messages):
            if number == 1:
                await self.gate.wait()
            await send(message)


async def records_of_answer(port: int, client: ssl.SSLContext) -> list[bytes]:
    """Return what the records of the answer to a GET hold, up to the end of the connection."""
    reader, writer = await asyncio.open_connection(HOST, port)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = client.wrap_bio(incoming, outgoing, server_hostname=HOST)

    async def done(step: Callable[[], bytes | None]) -> bytes | None:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))

    await done(side.do_handshake)
    side.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    # A read returns what is left of one record.
    records = []
    while record := await done(lambda: side.read(65536)):
        records.append(record)
    writer.close()
    return records


def test_over_tls_an_answer_is_one_record(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=SystemClock().now())
    client = ssl.create_default_context(cafile=str(files.authority))
    found: list[bytes] = []
    app = Sent([(b"content-length", b"5")], {"body": b"whole"})
    app.gate.set()

    async def scenario() -> None:
        async with (
            asyncio.timeout(20),
            serving(Endpoint(app=app, port=0, tls=ServerContext(files.server))) as (port,),
        ):
            found.extend(await records_of_answer(port, client))

    run(scenario())

    (record,) = found
    head, _, body = record.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b"whole"


def test_the_head_of_a_stream_does_not_wait_for_its_first_part() -> None:
    app = Sent([], {"body": b"part", "more_body": True}, {"body": b""})
    found: list[bytes] = []

    async def scenario() -> None:
        async with asyncio.timeout(10), serving(Endpoint(app=app, port=0)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            found.append(await reader.readuntil(b"\r\n\r\n"))
            app.gate.set()
            found.append(await reader.readuntil(b"0\r\n\r\n"))
            writer.close()

    run(scenario())

    assert b"transfer-encoding: chunked" in found[0]
    assert found[1] == b"4\r\npart\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "app", "body"),
    [
        ("GET", Sent([(b"content-length", b"5")], {"body": b"wh", "more_body": True}), b"wh"),
        ("GET", Sent([(b"content-length", b"5")]), b""),
        ("GET", Sent([(b"content-length", b"0")], {"body": b""}), b""),
        ("HEAD", Sent([(b"content-length", b"5")], {"body": b""}), b""),
    ],
    ids=["half a body", "a head alone", "nothing", "HEAD"],
)
def test_what_there_is_of_an_answer_is_sent(method: str, app: Sent, body: bytes) -> None:
    found: list[bytes] = []
    app.gate.set()

    async def scenario() -> None:
        async with asyncio.timeout(10), serving(Endpoint(app=app, port=0)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(f"{method} / HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            found.append(await reader.readuntil(b"\r\n\r\n"))
            found.append(await reader.read(100) if body else b"")
            writer.close()

    run(scenario())

    assert found[0].startswith(b"HTTP/1.1 200 OK")
    assert found[1] == body


def test_who_asks_first_is_told_to_go_on_before_the_answer() -> None:
    app = Sent([(b"content-length", b"4")], {"body": b"done"})
    app.gate.set()
    found: list[bytes] = []

    async def scenario() -> None:
        async with asyncio.timeout(10), serving(Endpoint(app=app, port=0)) as (port,):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(
                b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n"
            )
            found.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"x")
            found.append(await reader.readuntil(b"done"))
            writer.close()

    run(scenario())

    assert found[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert found[1].startswith(b"HTTP/1.1 200 OK")
