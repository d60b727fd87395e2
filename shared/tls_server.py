"""A server context that requests a client certificate, accepts any, and shows it to the application.

The application can answer 403 `AuthenticationFailed`; the standard library can only abort the handshake, and the client
cannot tell that from a crash. `ServerContext` is an `ssl.SSLContext` by type, which event loops insist on; its
`wrap_bio` returns a pyOpenSSL connection that looks like an `ssl.SSLObject`. It is fed one TLS record at a time, so
that what the event loop's flow control holds back stays encrypted in the event loop's own buffer. Sessions are never
resumed: each connection shows its certificate anew.
"""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

RECORD_HEADER = 5
MAX_RECORD = 16384 + 2048
MAX_PLAINTEXT = 16384
DRAIN_SIZE = 32768


class ServerContext(ssl.SSLContext):
    """Requests a client certificate, accepts whichever is shown, and none."""

    _context: SSL.Context

    def __new__(cls, certificate: Path) -> Self:
        """`certificate` is a PEM file: the server's chain and its key."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._context = server_settings(SSL.Context(SSL.TLS_SERVER_METHOD), certificate)
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return a server's connection over two buffers; the event loop calls it for every accepted socket."""
        if not server_side:
            raise ValueError("this context is a server's")
        return cast(ssl.SSLObject, ServerConnection(self._context, incoming, outgoing))


def server_settings(context: SSL.Context, certificate: Path) -> SSL.Context:
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Without an id context OpenSSL aborts the handshake of a client that offers a session from before.
    context.set_session_id(b"tocsin")
    context.set_verify(SSL.VERIFY_PEER, accept_any)
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(certificate))
        context.check_privatekey()
    except SSL.Error as error:
        raise ConfigurationError(f"cannot load the server certificate {certificate}") from error
    return context


def accept_any(*_: object) -> bool:
    """Let every certificate pass: who may do what is the application's decision."""
    return True


class ServerConnection:
    """The part of `ssl.SSLObject` that event loops use, over a pyOpenSSL connection with buffers of its own."""

    def __init__(
        self, context: SSL.Context, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()
        self._incoming = incoming
        self._outgoing = outgoing
        self._record = b""
        self._expected = RECORD_HEADER
        self._is_half_read = False
        self._peer: bytes | None = None

    def do_handshake(self) -> None:
        self._repeat(self._connection.do_handshake)
        self._drain()
        # As it came: `cryptography` refuses to parse some certificates that OpenSSL takes.
        peer = self._connection.get_peer_certificate(as_cryptography=False)
        self._peer = None if peer is None else dump_certificate(FILETYPE_ASN1, peer)

    def read(self, size: int = 1024, buffer: "WriteableBuffer | None" = None) -> bytes | int:
        size = min(size, MAX_PLAINTEXT)
        if not self._is_half_read and not self._feed():
            raise self._starved()
        if buffer is None:
            received: bytes = self._repeat(self._connection.recv, size) or b""
            self._is_half_read = len(received) == size < MAX_PLAINTEXT
            return received
        count: int = self._repeat(self._connection.recv_into, memoryview(buffer), size) or 0
        self._is_half_read = count == size < MAX_PLAINTEXT
        return count

    def write(self, content: "ReadableBuffer") -> int:
        view = memoryview(content)
        for start in range(0, len(view), MAX_PLAINTEXT):
            self._repeat(self._connection.send, view[start : start + MAX_PLAINTEXT])
            self._drain()
        return len(view)

    def unwrap(self) -> None:
        while not self._repeat(self._connection.shutdown):
            self._drain()
            if not self._feed():
                raise ssl.SSLWantReadError
        self._drain()

    def getpeercert(self, binary_form: bool = False) -> bytes | dict[str, Any] | None:
        """Return the peer's certificate in DER form, None without one; like the standard library's unverified
        certificates it has no other form."""
        if binary_form:
            return self._peer
        return None if self._peer is None else {}

    def cipher(self) -> tuple[str, str, int] | None:
        name = self._connection.get_cipher_name()
        if name is None:
            return None
        protocol = self._connection.get_cipher_version() or ""
        return name, protocol, self._connection.get_cipher_bits() or 0

    def version(self) -> str | None:
        return self._connection.get_protocol_version_name()

    def compression(self) -> None:
        return None

    def selected_alpn_protocol(self) -> None:
        return None

    def pending(self) -> int:
        return self._connection.pending()

    def _repeat(self, step: Any, *arguments: Any) -> Any:
        """Run `step` until it has its records; None when the peer has closed its side.

        With plaintext there is nothing to be drained: what OpenSSL has to write by itself it writes where it wants more
        records and where it fails, and the answer to a key update before the next plaintext.

        Raises:
            ssl.SSLError: everything else that OpenSSL says; event loops end the connection quietly on it.
        """
        while True:
            try:
                return step(*arguments)
            except SSL.WantReadError:
                self._drain()
                if not self._feed():
                    raise self._starved() from None
            except SSL.ZeroReturnError:
                return None
            except SSL.Error as error:
                self._drain()
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"TLS failure: {error}") from None

    def _starved(self) -> ssl.SSLError:
        if self._incoming.eof:
            return ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol")
        return ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "The operation did not complete")

    def _feed(self) -> bool:
        """Hand one whole record to OpenSSL, or whatever is no record, for it to complain of; False without one."""
        while len(self._record) < self._expected:
            part = self._incoming.read(self._expected - len(self._record))
            if not part:
                return False
            self._record += part
            if len(self._record) == RECORD_HEADER:
                self._expected += body_length(self._record)
        self._connection.bio_write(self._record)
        self._record = b""
        self._expected = RECORD_HEADER
        return True

    def _drain(self) -> None:
        """Pass on what OpenSSL has written; less than was asked for was all of it."""
        try:
            while True:
                output = self._connection.bio_read(DRAIN_SIZE)
                self._outgoing.write(output)
                if len(output) < DRAIN_SIZE:
                    return
        except SSL.WantReadError:
            return


def body_length(header: bytes) -> int:
    """Return how much follows the header of a record; 0 where it is none."""
    length = int.from_bytes(header[3:5])
    is_record = header[1] == 3 and length <= MAX_RECORD
    return length if is_record else 0
