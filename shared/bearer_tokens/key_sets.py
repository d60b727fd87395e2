"""The keys by which an issuer's tokens are verified (RFC 7517), from a file or a URL; a set is read when needed."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from shared.clock import Clock
from shared.errors import ConfigurationError, NoAnswerError, TransientError

logger = logging.getLogger(__name__)

REFRESH_AFTER = timedelta(hours=24)
"""Of a set from a URL, so that a key which its issuer took back does not count for ever."""
FETCH_AGAIN_AFTER = timedelta(minutes=1)
KINDS = ("RSA", "EC")

Key = Mapping[str, Any]
Keys = Sequence[Key]
Fetch = Callable[[], Awaitable[bytes]]
"""Returns the body that a URL answers; raises NoAnswerError for everything else."""


class KeySet(Protocol):
    """The public keys of one issuer."""

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key of this id, or the only one for None; looks for a newer set before it returns None.

        Raises:
            TransientError: there is no set to look in at present.
        """


class FileKeySet:
    """A set in a file, read again when a key is missing in it and the file has changed; `parse` reads its content."""

    def __init__(self, path: Path, parse: Callable[[bytes], object]) -> None:
        self._path = path
        self._parse = parse
        self._keys: Keys = ()
        self._seen: tuple[int, int, int] | None = None

    async def find(self, key_id: str | None) -> Key | None:
        found = pick(self._keys, key_id)
        if found is not None or not self._read():
            return found
        return pick(self._keys, key_id)

    def _read(self) -> bool:
        """Whether there is something new."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen == self._seen:
                return False
            self._keys = usable_keys(self._parse(self._path.read_bytes()))
            self._seen = seen
        except (OSError, ValueError, ConfigurationError) as error:
            logger.warning(
                "the key set %s cannot be read: %s",
                self._path,
                type(error).__name__,
                extra={"action": "read keys"},
            )
            if self._seen is None:
                raise TransientError("The keys that verify tokens cannot be read.") from error
            return False
        return True


class FetchedKeySet:
    """A set behind a URL: kept for a day, fetched at once for a key that is missing, but once a minute at most.

    While it cannot be fetched the last one counts.
    """

    def __init__(self, url: str, fetch: Fetch, clock: Clock) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: Keys | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str | None) -> Key | None:
        found = None if self._is_old() else pick(self._keys or (), key_id)
        if found is None:
            async with self._fetching:
                found = None if self._is_old() else pick(self._keys or (), key_id)
                if found is None:
                    await self._renew()
        if self._keys is None:
            raise TransientError("The keys that verify tokens cannot be fetched.")
        return found or pick(self._keys, key_id)

    def _is_old(self) -> bool:
        return self._fetched_at is None or self._clock.now() - self._fetched_at >= REFRESH_AFTER

    async def _renew(self) -> None:
        now = self._clock.now()
        if self._tried_at is not None and now - self._tried_at < FETCH_AGAIN_AFTER:
            return
        self._tried_at = now
        try:
            self._keys = usable_keys(json.loads(await self._fetch()))
            self._fetched_at = now
        except (NoAnswerError, ValueError) as error:
            logger.warning(
                "the key set %s cannot be fetched: %s",
                self._url,
                error,
                extra={"action": "fetch keys"},
            )


def pick(keys: Keys, key_id: str | None) -> Key | None:
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.get("kid") == key_id), None)


def usable_keys(document: object) -> Keys:
    """Return the keys of a set that are for signatures by RSA or elliptic curves.

    Raises:
        ValueError: it is no set, or has none of these.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    keys = [
        key
        for key in (listed if isinstance(listed, list) else [])
        if isinstance(key, Mapping) and key.get("kty") in KINDS and key.get("use", "sig") == "sig"
    ]
    if not keys:
        raise ValueError("it holds no keys for signatures")
    return keys
