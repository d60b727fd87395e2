"""The keys of the namespaces, in a file for their owner alone: `{namespace: {key name: key}}`.

Every namespace but one gets a random key. The official emulator's own namespace has the emulator's key, which everybody
knows, so that a project moves over by changing the port.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.messaging.amqp.sas import Keys
from shared.private_file import written_aside

KEY_NAME = "RootManageSharedAccessKey"
KEY_BYTES = 32
EMULATOR_NAMESPACE = "sbemulatorns"
EMULATOR_KEY = "SAS_KEY_VALUE"


def complete_keys(
    path: Path, namespaces: Sequence[str], *, random_bytes: Callable[[int], bytes]
) -> None:
    """Give a key to each namespace that has none; keys that are there stay.

    Raises:
        ConfigurationError: the file is malformed.
    """
    stored = load_file(path) if path.exists() else {}
    missing = [name for name in namespaces if name.lower() not in stored]
    if missing:
        new = {name.lower(): {KEY_NAME: new_key(name, random_bytes)} for name in missing}
        content = json.dumps({**stored, **new}, indent=2).encode()
        with written_aside(path, content) as unfinished:
            unfinished.replace(path)


def load_keys(path: Path, namespaces: Sequence[str]) -> Keys:
    """Return the keys of these namespaces.

    Raises:
        ConfigurationError: the file is missing or malformed, or has none for one of them; never shows a key.
    """
    stored = load_file(path)
    missing = [name for name in namespaces if name.lower() not in stored]
    if missing:
        raise ConfigurationError(f"{path} has no keys of {', '.join(missing)}")
    return Keys({name: stored[name.lower()] for name in namespaces})


def new_key(namespace: str, random_bytes: Callable[[int], bytes]) -> str:
    if namespace.lower() == EMULATOR_NAMESPACE:
        return EMULATOR_KEY
    return b64encode(random_bytes(KEY_BYTES)).decode()


def load_file(path: Path) -> dict[str, dict[str, str]]:
    try:
        document: Any = json.loads(path.read_bytes())
        keys = {
            namespace: {str(name): checked(key) for name, key in named.items()}
            for namespace, named in document.items()
        }
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, AttributeError):
        raise ConfigurationError(
            f"{path} holds no keys: it must be {{namespace: {{key name: key}}}}"
        ) from None
    return keys


def checked(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise ValueError("a key is text")
    return key
