"""Function keys: who may call what.

The key of a function opens that function, a host key every function, the master key also functions of level `admin`;
/admin takes a host key or the master key.
"""

import hmac
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.host.functions import AuthLevel

KEYS_FILE = "host-keys.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeys:
    """The keys of one function app; every comparison takes the same time whatever was presented."""

    master: str = field(repr=False)
    host: tuple[str, ...] = field(repr=False)
    functions: dict[str, tuple[str, ...]] = field(repr=False)

    def opens(self, level: AuthLevel, function: str, presented: str | None) -> bool:
        """Say whether `presented` may call `function`, which asks for `level`."""
        if level is AuthLevel.ANONYMOUS:
            return True
        own = () if level is AuthLevel.ADMIN else (*self.functions.get(function, ()), *self.host)
        return is_among(presented, (*own, self.master))

    def opens_admin(self, presented: str | None) -> bool:
        """Say whether `presented` may call what is below /admin."""
        return is_among(presented, (*self.host, self.master))


def is_among(presented: str | None, keys: Sequence[str]) -> bool:
    given = (presented or "").encode()
    # A list, not a generator: any() must not stop at the first hit.
    return any([hmac.compare_digest(given, key.encode()) for key in keys])


def load_keys(path: Path, *, functions: Sequence[str], new_key: Callable[[], str]) -> HostKeys:
    """Read the keys file; make it, readable by its owner alone, and the keys of new functions where missing.

    Raises:
        ConfigurationError: the file is malformed or others may read it.
    """
    document = read_keys(path)
    master = document.get("masterKey") or new_key()
    host = document.get("hostKeys") or {"default": new_key()}
    own = {name: {"default": new_key()} for name in functions} | document.get("functionKeys", {})
    complete = {"masterKey": master, "hostKeys": host, "functionKeys": own}
    if complete != document:
        write_keys(path, complete)
    return HostKeys(
        master=master,
        host=tuple(host.values()),
        functions={name: tuple(keys.values()) for name, keys in own.items()},
    )


def read_keys(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"{path} may be read by others; its mode must be 600")
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{path} is not JSON") from None
    if not isinstance(document, dict) or not is_keys_document(document):
        raise ConfigurationError(f"{path} does not hold masterKey, hostKeys and functionKeys")
    return document


def is_keys_document(document: object) -> bool:
    match document:
        case {"masterKey": str(master), "hostKeys": dict(host), "functionKeys": dict(functions)}:
            named = [host, *functions.values()]
            return all(isinstance(keys, dict) for keys in named) and all(
                isinstance(key, str) and key
                for keys in [{"": master}, *named]
                for key in keys.values()
            )
        case _:
            return False


def write_keys(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(document, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
