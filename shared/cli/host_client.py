"""The running local host over HTTP, as any caller reaches it: with a function key, and a token where one is due."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from shared.cli.terminal import printable
from shared.errors import TransientError

NO_HEADERS: Mapping[str, str] = {}
ANSWERS_WITHIN = aiohttp.ClientTimeout(total=40)
"""The longest that a stack lets a caller wait is 20 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, its body parsed when it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


class HostClient:
    """Talks to one host with one key, and one token if it is given one."""

    def __init__(self, url: str, *, key: str, token: str | None = None) -> None:
        self._url = url
        bearer = {} if token is None else {"authorization": f"Bearer {token}"}
        self._headers = {"x-functions-key": key, **bearer}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "HostClient":
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=ANSWERS_WITHIN)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Send `body` as JSON, or `content` as it is, to a path or to a URL that the host gave.

        Raises:
            TransientError: nobody answers there.
        """
        assert self._session is not None
        url = path if path.startswith("http") else f"{self._url}{path}"
        sent = content if body is None else json.dumps(body).encode()
        kind = {"content-type": "application/json"} if body is not None else {}
        try:
            async with self._session.request(
                method, url, data=sent, headers={**kind, **headers}
            ) as response:
                return Answer(
                    status=response.status,
                    headers=response.headers,
                    body=parsed(await response.read()),
                )
        except aiohttp.ClientConnectorError as error:
            raise TransientError(f"nothing listens at {self._url}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            why = printable(str(error)) or type(error).__name__
            raise TransientError(f"what listens at {self._url} gives no answer: {why}") from error


def parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
