import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import uvloop
from requests.adapters import HTTPAdapter

from shared.development_certificates import (
    DevelopmentCertificates,
    Identity,
    create_development_certificates,
    issue,
    read_identity,
)
from shared.errors import ConfigurationError
from shared.tls import client_context, load_certificates, parse_certificate
from shared.tls_server import ServerContext
from tests.echo_server import EchoServer
from tests.tls_records import (
    APPLICATION_DATA,
    HANDSHAKE,
    KEY_UPDATE,
    KEY_UPDATE_THAT_ASKS,
    InMemory,
    records_in,
    traffic_of,
)

NOW = datetime.now(UTC)  # noqa: TID251 - the standard library's verification reads the machine's clock too


class ContextAdapter(HTTPAdapter):
    """Makes `requests` use an `ssl.SSLContext`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: object, **options: object) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentCertificates:
    return create_development_certificates(tmp_path_factory.mktemp("tls"), now=NOW)


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, uvloop.new_event_loop])
def server(request: pytest.FixtureRequest, files: DevelopmentCertificates) -> Iterator[EchoServer]:
    new_loop: Callable[[], asyncio.AbstractEventLoop] = request.param
    with EchoServer(ServerContext(files.server), new_loop) as running:
        yield running
    assert running.complaints == []


def session_for(context: ssl.SSLContext) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ContextAdapter(context))
    return session


def trusted(files: DevelopmentCertificates) -> ssl.SSLContext:
    return client_context(files.client.read_bytes(), authority=files.authority)


def connect(server: EchoServer, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def exchange(connection: ssl.SSLSocket, body: bytes = b"") -> bytes:
    request = f"PUT / HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    connection.sendall(request + body)
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, rest = received.partition(b"\r\n\r\n")
    while len(rest) < len(body):
        rest += connection.recv(65536)
    assert rest == body
    return head


def still_serves(server: EchoServer, files: DevelopmentCertificates) -> bool:
    with connect(server, trusted(files)) as connection:
        return exchange(connection, b"still here").startswith(b"HTTP/1.1 200")


def identities(files: DevelopmentCertificates, folder: Path) -> dict[str, Identity]:
    other = issue("Somebody's authority", now=NOW, authority=None)
    authority = create_development_certificates(folder, now=NOW - timedelta(days=1000))
    long_ago = load_identity(authority)
    return {
        "self-signed": issue("myself", now=NOW, authority=None),
        "unknown authority": issue("stranger", now=NOW, authority=other),
        "expired": long_ago,
        "not yet valid": issue("early bird", now=NOW + timedelta(days=9), authority=other),
        "a server's": issue("server", now=NOW, authority=other, is_server=True),
    }


def load_identity(files: DevelopmentCertificates) -> Identity:
    identity = read_identity(files.client, files.client)
    assert identity is not None
    return identity


def test_a_registered_certificate_is_shown_to_the_application(
    server: EchoServer, files: DevelopmentCertificates
) -> None:
    with session_for(trusted(files)) as session:
        answer = session.put(server.url, data=b"hello")

    (registered,) = load_certificates((files.client_cer,))
    assert answer.content == b"hello"
    assert answer.headers["Sender"] == registered.fingerprint


@pytest.mark.parametrize(
    "kind", ["self-signed", "unknown authority", "expired", "not yet valid", "a server's"]
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_any_certificate_is_accepted_and_shown(
    server: EchoServer,
    files: DevelopmentCertificates,
    tmp_path: Path,
    kind: str,
    version: ssl.TLSVersion,
) -> None:
    pem = identities(files, tmp_path)[kind].pem()
    context = client_context(pem, authority=files.authority)
    context.minimum_version = context.maximum_version = version

    with connect(server, context) as connection:
        head = exchange(connection)

    assert f"Sender: {parse_certificate(pem).fingerprint}".encode() in head


def test_a_client_without_certificate_is_accepted(
    server: EchoServer, files: DevelopmentCertificates
) -> None:
    with connect(server, ssl.create_default_context(cafile=files.authority)) as connection:
        head = exchange(connection)

    assert b"Sender: none" in head


def test_the_connection_says_what_it_is(server: EchoServer, files: DevelopmentCertificates) -> None:
    with connect(server, trusted(files)) as connection:
        exchange(connection)

        assert connection.version() == "TLSv1.3"
        assert connection.cipher() is not None


def test_a_megabyte_goes_up_and_down_over_a_kept_connection(
    server: EchoServer, files: DevelopmentCertificates
) -> None:
    body = bytes(range(256)) * 4096
    with session_for(trusted(files)) as session:
        answers = [session.put(server.url, data=body) for _ in range(3)]

    assert all(answer.content == body for answer in answers)


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 32768, 262144])
def test_bodies_around_the_size_of_a_record_arrive_whole(
    server: EchoServer, files: DevelopmentCertificates, size: int
) -> None:
    with connect(server, trusted(files)) as connection:
        assert exchange(connection, b"x" * size).startswith(b"HTTP/1.1 200")
        assert exchange(connection, b"y" * size).startswith(b"HTTP/1.1 200")


def test_a_session_is_never_resumed(server: EchoServer, files: DevelopmentCertificates) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusted(files)
        context.minimum_version = context.maximum_version = version
        with connect(server, context) as first:
            exchange(first)
            session = first.session
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as second:
            head = exchange(second)

            assert not second.session_reused
        assert b"Sender: none" not in head


def test_two_hundred_clients_shake_hands_at_once(
    server: EchoServer, files: DevelopmentCertificates
) -> None:
    context = trusted(files)

    def greet(_: int) -> bytes:
        with connect(server, context) as connection:
            return exchange(connection, b"hello")

    with ThreadPoolExecutor(200) as pool:
        heads = list(pool.map(greet, range(200)))

    assert all(head.startswith(b"HTTP/1.1 200") for head in heads)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x00" * 100,
        b"\x16\x03\x01\xff\xff" + b"\x00" * 100,
        b"\x16\x03\x01\x00\x05hello",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x17\x03\x03\x00\x04abcd",
        b"\x16\x03\x01",
        b"",
    ],
    ids=["http", "zeros", "long record", "no hello", "alert", "early data", "truncated", "nothing"],
)
def test_garbage_ends_its_own_connection_only(
    server: EchoServer, files: DevelopmentCertificates, garbage: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    assert still_serves(server, files)


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff"],
    ids=["http", "too long"],
)
def test_what_is_no_record_is_not_waited_for(server: EchoServer, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(garbage)

        received = connection.recv(4096)

    assert not received.startswith(b"HTTP")


def test_a_handshake_cut_at_any_byte_harms_nobody(
    server: EchoServer, files: DevelopmentCertificates
) -> None:
    hello = client_hello(files)
    for length in range(0, len(hello), 7):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(hello[:length])

    assert still_serves(server, files)


def test_a_handshake_may_arrive_byte_by_byte(files: DevelopmentCertificates) -> None:
    sides = InMemory(ServerContext(files.server), trusted(files))

    sides.shake_hands(portion=1)

    sides.client.write(b"hello")
    *most, last = sides.client_out.read()
    for byte in most:
        sides.server_in.write(bytes([byte]))
        assert sides.read_all() == b""
    sides.server_in.write(bytes([last]))
    assert sides.read_all() == b"hello"


def test_what_is_no_hello_is_told_so(files: DevelopmentCertificates) -> None:
    sides = InMemory(ServerContext(files.server), trusted(files))
    sides.server_in.write(b"\x16\x03\x01\x00\x05hello")

    with pytest.raises(ssl.SSLError, match="TLS failure"):
        sides.server.do_handshake()

    assert sides.server_out.read().startswith(b"\x15\x03")


@pytest.mark.parametrize("size", [1, 7, 100, 16384, 262144])
def test_records_are_read_whole_in_portions_of_any_size(
    files: DevelopmentCertificates, size: int
) -> None:
    sides = InMemory(ServerContext(files.server), trusted(files))
    sides.shake_hands(portion=65536)
    sent = [b"a" * 100, b"b", b"c" * 16384, b"d" * 99]
    for read in (sides.read_all, sides.read_all_into):
        for part in sent:
            sides.client.write(part)
        sides.server_in.write(sides.client_out.read())

        assert read(size) == b"".join(sent)


def test_a_large_answer_is_written_whole(files: DevelopmentCertificates) -> None:
    sides = InMemory(ServerContext(files.server), trusted(files))
    sides.shake_hands(portion=65536)
    answer = bytes(range(256)) * 4096

    assert sides.server.write(answer) == len(answer)

    sides.client_in.write(sides.server_out.read())
    received = b""
    while len(received) < len(answer):
        received += sides.client.read(65536)
    assert received == answer


def test_an_asked_for_key_update_is_answered_before_the_answer(
    files: DevelopmentCertificates, tmp_path: Path
) -> None:
    context = trusted(files)
    context.keylog_filename = str(tmp_path / "keys")
    sides = InMemory(ServerContext(files.server), context)
    sides.shake_hands(portion=65536)
    to_server, from_server = traffic_of(tmp_path / "keys")
    assert all(from_server.open(ticket) for ticket in records_in(sides.tickets))
    sides.server_in.write(to_server.seal(b"head "))
    sides.server_in.write(to_server.seal(KEY_UPDATE_THAT_ASKS, HANDSHAKE))
    to_server.update_key()
    sides.server_in.write(to_server.seal(b"and body"))

    assert sides.read_all() == b"head and body"
    sides.server.write(b"answer")

    update, answer = records_in(sides.server_out.read())
    assert from_server.open(update) == (HANDSHAKE, KEY_UPDATE)
    from_server.update_key()
    assert from_server.open(answer) == (APPLICATION_DATA, b"answer")


def test_after_the_clients_last_word_the_server_may_still_answer(
    files: DevelopmentCertificates,
) -> None:
    sides = InMemory(ServerContext(files.server), trusted(files))
    sides.shake_hands(portion=65536)
    sides.client.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        sides.client.unwrap()
    sides.server_in.write(sides.client_out.read())

    assert sides.server.read(100) == b"last words"
    assert sides.server.read(100) == b""
    assert sides.server.write(b"farewell") == 8
    sides.server.unwrap()

    assert len(list(records_in(sides.server_out.read()))) == 2


def client_hello(files: DevelopmentCertificates) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusted(files).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_clients_that_vanish_harm_nobody(
    server: EchoServer, files: DevelopmentCertificates
) -> None:
    for _ in range(20):
        connection = connect(server, trusted(files))
        connection.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nnot all")
        # A reset instead of an orderly end.
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        connection.close()

    assert still_serves(server, files)


def test_an_orderly_end_is_answered(server: EchoServer, files: DevelopmentCertificates) -> None:
    connection = connect(server, trusted(files))
    exchange(connection, b"last words")

    plain = connection.unwrap()

    plain.close()
    assert still_serves(server, files)


def test_a_server_certificate_without_its_key_is_the_operators_to_fix(
    files: DevelopmentCertificates,
) -> None:
    with pytest.raises(ConfigurationError, match="ca.pem"):
        ServerContext(files.authority)
