"""What is done for operations from time to time."""

from shared.clock import Clock
from shared.connector.store import OperationStore
from shared.events.log import EventLog


class Upkeep:
    """Finds lost work and forgets what was kept long enough."""

    def __init__(self, store: OperationStore, *, event_log: EventLog, clock: Clock) -> None:
        self._store = store
        self._event_log = event_log
        self._clock = clock

    async def sweep(self) -> int:
        """Wake what should have been woken and publish what a crash left unpublished; returns how many operations."""
        woken = await self._store.sweep(now=self._clock.now())
        await self._event_log.publish()
        return woken

    async def prune(self) -> int:
        """Forget operations that ended more than seven days ago; returns how many."""
        return await self._store.prune(now=self._clock.now())

    async def free_leases(self) -> int:
        """End the leases that a dead process left; only the sole owner of the store may, at its start."""
        return await self._store.free_leases(now=self._clock.now())
