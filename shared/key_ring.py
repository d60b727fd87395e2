"""The key ring: the keys under which secrets are sealed, in a file or in a setting.

    {"current": "k2", "keys": {"k1": "<base64 of 32 bytes>", "k2": …}, "fingerprint": "<base64 of 32 bytes>"}

New values are sealed under the current key; every key of the ring opens what it sealed. Fingerprints of requests are
compared for days, so their key is one of its own, which a rotation leaves as it is. In a ring without `fingerprint`,
which is from before there was one, it follows from the key whose id sorts first; the next change writes it down.
"""

import base64
import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.private_file import create_private_file, written_aside
from shared.sealing import KEY_ID, Sealer, fingerprint_key_of

KEY_BYTES = 32
NUMBERED = re.compile(r"k(\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The keys by their ids; `current` is one of them."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)
    fingerprint_key: bytes = field(repr=False)

    def sealer(self) -> Sealer:
        return Sealer(self.keys, current=self.current, fingerprint_key=self.fingerprint_key)

    def rotated(self, key: bytes) -> "KeyRing":
        """Return the ring with another key, which is the current one."""
        numbers = [int(match[1]) for name in self.keys if (match := NUMBERED.fullmatch(name))]
        name = f"k{max(numbers, default=0) + 1}"
        return replace(self, current=name, keys={**self.keys, name: key})

    def without(self, names: frozenset[str]) -> "KeyRing":
        """Return the ring without these keys; the current one stays in any case."""
        gone = names - {self.current}
        return replace(self, keys={k: v for k, v in self.keys.items() if k not in gone})

    def encode(self) -> bytes:
        document = {
            "current": self.current,
            "keys": {name: encoded(key) for name, key in self.keys.items()},
            "fingerprint": encoded(self.fingerprint_key),
        }
        return json.dumps(document).encode()


def parse_key_ring(content: str | bytes) -> KeyRing:
    """Return the ring that `content` is.

    Raises:
        ValueError: it is none; what it says is never part of the message.
    """
    try:
        document: Any = json.loads(content)
        current, given = document["current"], document.get("fingerprint")
        keys = {name: decoded(key) for name, key in document["keys"].items()}
        fingerprint_key = fingerprint_key_of(keys) if given is None else decoded(given)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no key ring ({type(error).__name__})") from None
    if not isinstance(current, str) or current not in keys:
        raise ValueError("its current key is not among its keys")
    if not all(KEY_ID.fullmatch(name) for name in keys):
        raise ValueError("its ids have other characters than letters, digits, _ and -")
    return KeyRing(current=current, keys=keys, fingerprint_key=fingerprint_key)


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def decoded(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("a key of another length")
    return key


def new_ring(random_bytes: Callable[[int], bytes]) -> KeyRing:
    """Return a ring of one key."""
    return KeyRing(
        current="k1",
        keys={"k1": random_bytes(KEY_BYTES)},
        fingerprint_key=random_bytes(KEY_BYTES),
    )


def create_key_file(path: Path) -> None:
    """Write a key file with one new key, readable by its owner only; an existing file is left alone."""
    create_private_file(path, new_ring(os.urandom).encode())


def load_key_file(path: Path) -> KeyRing:
    """Return the ring in a key file.

    Raises:
        ConfigurationError: the file is missing or malformed; its content is never part of the message.
    """
    try:
        return parse_key_ring(path.read_bytes())
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = str(error)
    raise ConfigurationError(f"cannot read the data-encryption key file {path}: {reason}")


def change_key_file(path: Path, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
    """Replace a key file by what `change` makes of it, in one step; returns the ring that is in it then.

    Whoever changes it at the same time comes before or after. Permissions and owner stay, also when root does it.

    Raises:
        ConfigurationError: the file is missing, malformed or cannot be written.
    """
    path = path.resolve()
    try:
        with locked(path) as owner:
            ring = change(load_key_file(path))
            with written_aside(path, ring.encode()) as unfinished:
                if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                    os.chown(unfinished, owner.st_uid, owner.st_gid)
                unfinished.replace(path)
            return ring
    except OSError as error:
        raise ConfigurationError(
            f"cannot change the data-encryption key file {path}: {error.strerror}"
        ) from error


@contextlib.contextmanager
def locked(path: Path) -> Iterator[os.stat_result]:
    """Hold the lock of the file that is there now, and give its state; it may be replaced while one waits."""
    while True:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            held = os.fstat(file.fileno())
            if held.st_ino == path.stat().st_ino:
                yield held
                return
