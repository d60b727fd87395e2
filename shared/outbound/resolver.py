"""Names in outbound HTTP: aiohttp gets to know allowed addresses alone, and dials what it got, as numbers."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from shared.outbound.guard import AddressGuard, AddressRefusedError
from shared.outbound.lookups import Lookups


class GuardedResolver(AbstractResolver):
    """Passes on what the guard allows of the addresses of a name."""

    def __init__(self, guard: AddressGuard, lookups: Lookups) -> None:
        self._guard = guard
        self._lookups = lookups

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = [
            (found_family, address)
            for found_family, address in await self._lookups.addresses(host)
            if family in (socket.AF_UNSPEC, found_family)
        ]
        allowed = [entry for entry in found if self._guard.allows(entry[1])]
        if not allowed:
            addresses = ", ".join(sorted({address for _, address in found}))
            raise AddressRefusedError(f"{host} leads to {addresses}, which is not allowed")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=found_family,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for found_family, address in allowed
        ]

    async def close(self) -> None:
        """A lookup has nothing to close."""
