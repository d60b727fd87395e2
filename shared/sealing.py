"""Encryption at rest for secrets: AES-256-GCM with a key id, and keyed fingerprints of requests."""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import ConfigurationError

FORMAT = "sealed1"
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
NONCE_BYTES, TAG_BYTES = 12, 16


class Sealer:
    """Seals text under the current key and opens what any key of the ring sealed."""

    def __init__(
        self, keys: Mapping[str, bytes], *, current: str, fingerprint_key: bytes | None = None
    ) -> None:
        """Without a `fingerprint_key` it follows from the key whose id sorts first."""
        if current not in keys:
            raise ConfigurationError(f"data-encryption key {current!r} is not in the key ring")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current
        self._fingerprint_key = fingerprint_key or fingerprint_key_of(keys)

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
        try:
            raw = base64.b64decode(encoded)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError("a sealed value was altered or moved") from error

    def reseal(self, sealed: str, *, context: str) -> str:
        """Return what is sealed under the current key already as it is, everything else sealed under that.

        Raises:
            ConfigurationError: as `unseal` does.
        """
        if key_id_of(sealed) == self._current:
            return sealed
        return self.seal(self.unseal(sealed, context=context), context=context)

    @property
    def older_keys(self) -> frozenset[str]:
        """The ids of the keys that only open."""
        return frozenset(self._ciphers) - {self._current}

    def fingerprint(self, content: bytes) -> str:
        """Return a keyed hash by which equal requests are recognised without storing what they say."""
        return hmac.new(self._fingerprint_key, content, hashlib.sha256).hexdigest()


def plain_length(sealed: str) -> int:
    """Return how many bytes were sealed."""
    encoded = sealed.rpartition(".")[2]
    return len(encoded) // 4 * 3 - encoded.count("=") - NONCE_BYTES - TAG_BYTES


def key_id_of(text: str) -> str | None:
    """Return the id of the key under which `text` is sealed; None when it is no sealed value."""
    form, _, rest = text.partition(".")
    key_id, has_content, _ = rest.partition(".")
    return key_id if form == FORMAT and has_content and KEY_ID.fullmatch(key_id) else None


def fingerprint_key_of(keys: Mapping[str, bytes]) -> bytes:
    """Return the key of fingerprints for a ring that names none; no key of the ring can be told from it."""
    return hmac.digest(keys[min(keys)], b"tocsin request fingerprint", "sha256")
