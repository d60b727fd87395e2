"""Outbound HTTP by aiohttp: the address that was checked is the address that is dialled.

Names are looked up by our own threads and only allowed addresses go on. Every socket, also that of an address written
in the URL, which never passes a resolver, is made by `_dial`, which checks once more what it is about to dial.
Redirects, proxies of the environment, cookies and decompression are off.
"""

import asyncio
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.errors import TransientError
from shared.outbound.guard import AddressGuard

BODY_CAP = 65_536
RESOLVER_THREADS = 8
# Servers close idle connections after 5 s and more; one that we use at the same moment would fail the request.
KEEP_ALIVE_SECONDS = 4


class AddressRefusedError(OSError):
    """The guard does not let us there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; names of headers are looked up in any case."""

    status: int
    headers: Mapping[str, str]


class OutboundSession:
    """Sends requests to where the guard allows; opened and closed on a running event loop."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._resolver = GuardedResolver(guard)
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            socket_factory=self._dial,
            limit=0,  # who sends decides how much at once; a shared limit would let one slow host stop all
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], time_limit: timedelta
    ) -> Answer:
        """POST and return the answer; its body is read up to 64 KB, for the connection's sake, and dropped.

        Raises:
            TransientError: no answer: refused by the guard, unreachable, broken off, or none within `time_limit`.
        """
        limit = aiohttp.ClientTimeout(total=time_limit.total_seconds())
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                if not await drained(response):
                    response.close()
                return Answer(response.status, response.headers)
        except TimeoutError as error:
            raise TransientError(f"no answer within {time_limit.total_seconds():g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TransientError(reason_of(error)) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        await self._resolver.close()

    def _dial(self, address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not self._guard.allows(target[0]):
            raise AddressRefusedError(f"address {target[0]} is not allowed")
        return socket.socket(family, kind, protocol)


class GuardedResolver(AbstractResolver):
    """Looks names up in threads of its own and passes on what the guard allows."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, look_up, host, port, family
        )
        allowed = [entry for entry in found if self._guard.allows(entry["host"])]
        if not allowed:
            addresses = ", ".join(sorted({entry["host"] for entry in found}))
            raise AddressRefusedError(f"{host} leads to {addresses}, which is not allowed")
        return allowed

    async def close(self) -> None:
        self._threads.shutdown(wait=False)


def look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [
        ResolveResult(
            hostname=host,
            host=str(target[0]),
            port=port,
            family=found_family,
            proto=protocol,
            flags=socket.AI_NUMERICHOST,
        )
        for found_family, _, protocol, _, target in found
    ]


async def drained(response: aiohttp.ClientResponse) -> bool:
    """Read the rest of a short body, so that the connection can be used again; the status is what counts."""
    left = BODY_CAP
    try:
        while left > 0 and (chunk := await response.content.read(left)):
            left -= len(chunk)
    except (aiohttp.ClientError, TimeoutError):
        return False
    return left > 0


def reason_of(error: Exception) -> str:
    """Return why there was no answer, without the URL: its query may hold a token."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, AddressRefusedError | aiohttp.ClientConnectorCertificateError):
        return str(cause)
    if isinstance(cause, OSError) and cause.strerror:
        return f"{type(cause).__name__}: {cause.strerror}"
    return type(cause).__name__
