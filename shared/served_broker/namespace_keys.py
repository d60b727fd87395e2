"""The keys of the namespaces, in a file for their owner alone: `{namespace: {key name: key}}`.

Every namespace but one gets a random key. The official emulator's own namespace has the emulator's key, which everybody
knows, so that a project moves over by changing the port.
"""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.messaging.amqp.nodes.sas import Keys
from shared.private_file import written_aside

logger = logging.getLogger(__name__)

KEY_NAME = "RootManageSharedAccessKey"
KEY_BYTES = 32
# What a connection string can carry, in which ';' ends a member.
KEY_NAMES = re.compile(r"[A-Za-z0-9_.-]{1,256}")
KEYS = re.compile(r"[!-:<-~]+")
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
    unknown = stored.keys() - {name.lower() for name in namespaces}
    if unknown:
        logger.warning(
            "%s has keys of %s, which the broker does not serve",
            path,
            ", ".join(map(repr, sorted(unknown))),
            extra={"action": "load-keys"},
        )
    return Keys({name: stored[name.lower()] for name in namespaces})


def new_key(namespace: str, random_bytes: Callable[[int], bytes]) -> str:
    if namespace.lower() == EMULATOR_NAMESPACE:
        return EMULATOR_KEY
    return b64encode(random_bytes(KEY_BYTES)).decode()


def load_file(path: Path) -> dict[str, dict[str, str]]:
    """Return the keys of each namespace, whose name is in lower case."""
    try:
        document: Any = json.loads(path.read_bytes())
        named = [(str(namespace), dict(keys.items())) for namespace, keys in document.items()]
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, AttributeError):
        raise ConfigurationError(
            f"{path} holds no keys: it must be {{namespace: {{key name: key}}}}"
        ) from None
    faults = list(faults_of(named))
    if faults:
        raise ConfigurationError("\n".join(f"{path}: {fault}" for fault in faults))
    return {namespace.lower(): keys for namespace, keys in named}


def faults_of(named: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Return what is wrong with the keys; shows neither them nor their names, which may be keys by mistake."""
    owners: dict[str, str] = {}
    for index, (namespace, keys) in enumerate(named):
        if namespace.lower() in (other.lower() for other, _ in named[:index]):
            yield f"{namespace!r} is there twice, in another case"
        if not keys:
            yield f"{namespace!r} has no key; without the namespace it gets one"
        for name, key in keys.items():
            if not KEY_NAMES.fullmatch(name):
                yield f"a key of {namespace!r} has a name with other characters than letters, digits, '-', '_', '.'"
            if not isinstance(key, str) or not KEYS.fullmatch(key):
                yield f"a key of {namespace!r} is not text of ASCII without spaces and ';'"
            elif owners.setdefault(key, namespace) != namespace:
                # Which namespace a client means is told by its key alone.
                yield f"{owners[key]!r} and {namespace!r} have the same key"
