"""What is done for operations from time to time."""

from shared.clock import Clock
from shared.connector.completion import Completion
from shared.connector.store import OperationStore


class Upkeep:
    """Finds lost work and forgets what was kept long enough."""

    def __init__(self, store: OperationStore, *, completion: Completion, clock: Clock) -> None:
        self._store = store
        self._completion = completion
        self._clock = clock

    async def sweep(self) -> int:
        """Wake what should have been woken and tell what a crash left untold; returns how many were woken."""
        woken = await self._store.sweep(now=self._clock.now())
        await self._completion.sweep()
        return woken

    async def prune(self) -> int:
        """Forget operations that ended long enough ago, and what is kept with them; returns how many."""
        await self._completion.prune()
        return await self._store.prune(now=self._clock.now())

    async def free_leases(self) -> int:
        """End the leases that a dead process left; only the sole owner of the store may, at its start."""
        return await self._store.free_leases(now=self._clock.now())
