"""TLS in memory: a client and a server over buffers, and records of TLS 1.3 sealed and opened by hand (RFC 8446), for
what no client's library would send."""

import hashlib
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HANDSHAKE, APPLICATION_DATA = 22, 23
HEADER = 5
KEY_UPDATE = bytes([24, 0, 0, 1, 0])
KEY_UPDATE_THAT_ASKS = bytes([24, 0, 0, 1, 1])


class InMemory:
    """A client and a server over buffers."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.client_in, self.client_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server_in, self.server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.client_in, self.client_out, server_hostname="127.0.0.1")
        self.server = server.wrap_bio(self.server_in, self.server_out, server_side=True)
        self.tickets = b""

    def shake_hands(self, *, portion: int) -> None:
        """Carry over what the client writes in parts of so many bytes, until both are done; the server's last words
        are its session tickets."""
        done: set[ssl.SSLObject] = set()
        while len(done) < 2:
            step(self.client, done)
            while part := self.client_out.read(portion):
                self.server_in.write(part)
                step(self.server, done)
            self.tickets = self.server_out.read()
            self.client_in.write(self.tickets)

    def read_all(self, size: int = 100) -> bytes:
        """Return what the server can read now, `size` bytes at a time."""
        found: list[bytes] = []
        with pytest.raises(ssl.SSLWantReadError):
            found.extend(iter(lambda: self.server.read(size), b""))
        return b"".join(found)

    def read_all_into(self, size: int) -> bytes:
        """Return the same by way of a buffer."""
        buffer = bytearray(size)

        def read() -> bytes:
            count = cast(int, self.server.read(size, buffer))
            return bytes(buffer[:count])

        parts: list[bytes] = []
        with pytest.raises(ssl.SSLWantReadError):
            parts.extend(iter(read, b""))
        return b"".join(parts)


def step(side: ssl.SSLObject, done: set[ssl.SSLObject]) -> None:
    try:
        side.do_handshake()
        done.add(side)
    except ssl.SSLWantReadError:
        pass


class Direction:
    """One side's records under TLS_AES_256_GCM_SHA384, from its first secret on."""

    def __init__(self, secret: bytes) -> None:
        self._use(secret)

    def seal(self, content: bytes, kind: int = APPLICATION_DATA) -> bytes:
        header = struct.pack(">BHH", APPLICATION_DATA, 0x0303, len(content) + 1 + 16)
        return header + self._key.encrypt(self._next_nonce(), content + bytes([kind]), header)

    def open(self, record: bytes) -> tuple[int, bytes]:
        """Return the kind and the content."""
        content = self._key.decrypt(self._next_nonce(), record[HEADER:], record[:HEADER])
        return content[-1], content[:-1]

    def update_key(self) -> None:
        self._use(expanded(self._secret, b"traffic upd", hashlib.sha384().digest_size))

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        self._key = AESGCM(expanded(secret, b"key", 32))
        self._iv = int.from_bytes(expanded(secret, b"iv", 12))
        self._sequence = 0

    def _next_nonce(self) -> bytes:
        nonce = (self._iv ^ self._sequence).to_bytes(12)
        self._sequence += 1
        return nonce


def expanded(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label without a context (section 7.1)."""
    full = b"tls13 " + label
    info = struct.pack(">HB", length, len(full)) + full + b"\x00"
    return HKDFExpand(SHA384(), length, info).derive(secret)


def records_in(content: bytes) -> Iterator[bytes]:
    """Yield each whole record."""
    while content:
        length = HEADER + int.from_bytes(content[3:HEADER])
        yield content[:length]
        content = content[length:]


def traffic_of(key_log: Path) -> tuple[Direction, Direction]:
    """Return the client's direction and the server's, from what the client logged of its keys."""
    lines = (line.split() for line in key_log.read_text().splitlines() if line[:1] != "#")
    secrets = {name: bytes.fromhex(secret) for name, _, secret in lines}
    return (
        Direction(secrets["CLIENT_TRAFFIC_SECRET_0"]),
        Direction(secrets["SERVER_TRAFFIC_SECRET_0"]),
    )
