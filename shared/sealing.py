"""Encryption at rest for secrets: AES-256-GCM with a key id, and keyed fingerprints of requests."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import ConfigurationError

FORMAT = "sealed1"
NONCE_BYTES, TAG_BYTES = 12, 16


class Sealer:
    """Seals text under the current key and opens what any key of the ring sealed."""

    def __init__(self, keys: Mapping[str, bytes], *, current: str) -> None:
        if current not in keys:
            raise ConfigurationError(f"data-encryption key {current!r} is not in the key file")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current
        # Fingerprints must survive a rotation of the sealing key for 24 h, so they use the oldest key.
        oldest = keys[min(keys)]
        self._fingerprint_key = hmac.digest(oldest, b"tocsin request fingerprint", "sha256")

    def __repr__(self) -> str:
        return f"Sealer(current={self._current!r}, keys={sorted(self._ciphers)})"

    def seal(self, text: str, *, context: str) -> str:
        """Return `text` encrypted; it opens only under the same `context`, so that sealed values cannot be swapped."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), context.encode())
        return f"{FORMAT}.{self._current}.{base64.b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, *, context: str) -> str:
        """Return what was sealed.

        Raises:
            ConfigurationError: the key is not in the ring, or the value was not sealed under `context`.
        """
        form, _, rest = sealed.partition(".")
        key_id, _, encoded = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if form != FORMAT or cipher is None:
            raise ConfigurationError(f"no data-encryption key {key_id!r} to open a sealed value")
        raw = base64.b64decode(encoded)
        try:
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
        except InvalidTag as error:
            raise ConfigurationError("a sealed value was altered or moved") from error

    def fingerprint(self, content: bytes) -> str:
        """Return a keyed hash by which equal requests are recognised without storing what they say."""
        return hmac.new(self._fingerprint_key, content, hashlib.sha256).hexdigest()


def plain_length(sealed: str) -> int:
    """Return how many bytes were sealed."""
    encoded = sealed.rpartition(".")[2]
    return len(encoded) // 4 * 3 - encoded.count("=") - NONCE_BYTES - TAG_BYTES


def create_key_file(path: Path) -> None:
    """Write a key file with one new key, readable by its owner only; an existing file is left alone."""
    if path.exists():
        return
    key = base64.b64encode(AESGCM.generate_key(256)).decode()
    content = json.dumps({"current": "k1", "keys": {"k1": key}}).encode()
    # Whole or not at all: a process that dies here leaves no half of a key.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        os.close(descriptor)
        unfinished.unlink()


def load_key_file(path: Path) -> Sealer:
    """Return the sealer of a key file.

    Raises:
        ConfigurationError: the file is missing or malformed; its content is never part of the message.
    """
    try:
        document = json.loads(path.read_text())
        keys = {key_id: base64.b64decode(key) for key_id, key in document["keys"].items()}
        return Sealer(keys, current=document["current"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            f"cannot read the data-encryption key file {path}: {type(error).__name__}"
        ) from None
