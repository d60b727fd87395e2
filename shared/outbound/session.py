"""Outbound HTTP by aiohttp: the address that was checked is the address that is dialled.

Of the addresses of a name only allowed ones go on. Every socket, also that of an address written
in the URL, which never passes a resolver, is made by `_dial`, which checks once more what it is about to dial.
Redirects, proxies of the environment, cookies and decompression are off.
"""

import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
from yarl import URL

from shared.errors import NoAnswer, NoAnswerError
from shared.outbound.connection import BoundedConnector
from shared.outbound.guard import AddressGuard, AddressRefusedError, encoded
from shared.outbound.lookups import Lookups
from shared.outbound.no_answer import no_answer
from shared.outbound.resolver import GuardedResolver

BODY_CAP = 65_536
# Name, connection and TLS together; the retired service recorded a ConnectFailure after 21 s.
CONNECT_LIMIT = timedelta(seconds=21)
# Servers close idle connections after 5 s and more; one that we use at the same moment would fail the request.
KEEP_ALIVE_SECONDS = 4
AUTHORITY = re.compile(r"[^/?#]*")
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; names of headers are looked up in any case, `header_lines` has all of them as they came."""

    status: int
    headers: Mapping[str, str]
    header_lines: Sequence[tuple[bytes, bytes]]
    body: bytes


class OutboundSession:
    """Sends requests to where the guard allows; opened and closed on a running event loop."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        lookups: Lookups | None = None,
        connect_limit: timedelta = CONNECT_LIMIT,
    ) -> None:
        self._guard = guard
        self._connect_limit = connect_limit
        # aiohttp's own, which trusts the authorities of the system.
        self._context: ssl.SSLContext | Literal[True] = True
        connector = BoundedConnector(
            resolver=GuardedResolver(guard, lookups or Lookups()),
            socket_factory=self._dial,
            limit=0,  # who sends decides how much at once; a shared limit would let one slow host stop all
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type"),
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str],
        time_limit: timedelta,
        keep: int = 0,
    ) -> Answer:
        """Send a request and return the answer with up to `keep` bytes of its body.

        The body is read up to 64 KB, for the connection's sake; one that breaks off does not take the answer with it.
        The method is sent in capitals, the URL as it is written.

        Raises:
            NoAnswerError: refused by the guard, unreachable, broken off, or nothing within `time_limit`.
        """
        limit = aiohttp.ClientTimeout(
            total=time_limit.total_seconds(), connect=self._connect_limit.total_seconds()
        )
        try:
            async with self._session.request(
                method,
                exact(url),
                data=body,
                headers=headers,
                timeout=limit,
                allow_redirects=False,
                ssl=self._context,
            ) as response:
                content, is_drained = await drained(response, keep)
                if not is_drained:
                    response.close()
                return Answer(response.status, response.headers, response.raw_headers, content)
        except aiohttp.ConnectionTimeoutError as error:
            reason = f"no connection within {self._connect_limit.total_seconds():g} s"
            raise NoAnswerError(reason, kind=NoAnswer.UNREACHABLE) from error
        except TimeoutError as error:
            reason = f"no answer within {time_limit.total_seconds():g} s"
            raise NoAnswerError(reason, kind=NoAnswer.TIMEOUT) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise no_answer(error) from error

    def presenting(self, context: ssl.SSLContext) -> "OutboundSession":
        """Return this session with TLS by `context`, which shows a client certificate; both are closed together."""
        session = copy(self)
        session._context = context
        return session

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def _dial(self, address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not self._guard.allows(target[0]):
            raise AddressRefusedError(f"address {target[0]} is not allowed")
        return socket.socket(family, kind, protocol)


def exact(url: str) -> URL:
    """Return `url` without the encoding of its path undone and done anew; only what is not ASCII is encoded."""
    if not url.isascii():
        scheme, _, rest = url.partition("://")
        authority = AUTHORITY.match(rest)
        host, colon, port = authority[0].partition(":") if authority else ("", "", "")
        path = NOT_ASCII.sub(lambda found: quote(found[0]), rest[len(f"{host}{colon}{port}") :])
        url = f"{scheme}://{host if host.isascii() else encoded(host)}{colon}{port}{path}"
    return URL(url, encoded=True)


async def drained(response: aiohttp.ClientResponse, keep: int) -> tuple[bytes, bool]:
    """Read the rest of a short body, so that the connection can be used again; the status is what counts."""
    kept = bytearray()
    left = BODY_CAP
    try:
        while left > 0 and (chunk := await response.content.read(left)):
            left -= len(chunk)
            kept += chunk[: keep - len(kept)]
    except (aiohttp.ClientError, TimeoutError):
        left = 0
    return bytes(kept), left > 0
