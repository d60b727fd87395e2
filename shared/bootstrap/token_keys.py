"""Where the keys of token issuers come from: a file, or a URL that is fetched through the guard (P9)."""

import json
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from shared.bearer_tokens.key_sets import FetchedKeySet, FileKeySet, KeySet
from shared.clock import Clock
from shared.errors import ConfigurationError, NoAnswer, NoAnswerError
from shared.outbound.guard import AddressGuard

if TYPE_CHECKING:
    from shared.outbound.session import OutboundSession

FETCH_LIMIT = timedelta(seconds=10)
MAX_KEY_SET = 65_536


class TokenKeys:
    """Opens key sets; the session behind them is made when it is first needed."""

    def __init__(self, guard: AddressGuard, clock: Clock) -> None:
        self._guard = guard
        self._clock = clock

    def at(self, location: str, *, setting: str) -> KeySet:
        """Return the key set at a file or a URL, which `setting` names.

        Raises:
            ConfigurationError: it is a URL of http.
        """
        scheme = location.partition("://")[0].lower()
        if scheme == "https":
            return FetchedKeySet(location, partial(self._fetch, location), self._clock)
        if scheme == "http":
            raise ConfigurationError(f"{setting}: a URL must be one of https")
        return FileKeySet(Path(location), json.loads)

    async def close(self) -> None:
        """Close the connections to issuers."""
        if "_session" in self.__dict__:
            await self._session.close()

    async def _fetch(self, url: str) -> bytes:
        answer = await self._session.request(
            "GET", url, body=None, headers={}, time_limit=FETCH_LIMIT, keep=MAX_KEY_SET
        )
        if answer.status != 200:
            raise NoAnswerError(f"it answers {answer.status}", kind=NoAnswer.NOT_HTTP)
        return answer.body

    @cached_property
    def _session(self) -> "OutboundSession":
        from shared.outbound.session import OutboundSession

        return OutboundSession(self._guard)
