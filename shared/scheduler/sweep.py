"""Finding lost work of the engine, and forgetting what was kept long enough."""

from datetime import datetime, timedelta

from shared.messaging.steps import AT_ONCE, in_steps
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.store import SchedulerStore
from shared.sql.database import Database

RETENTION = timedelta(days=60)
"""Of history, executions, and jobs in a final state (contract/MODEL.md §6, §8)."""


class Sweep:
    """Runs at the start of a process and every 30 s."""

    def __init__(self, database: Database, store: SchedulerStore, outgoing: Outgoing) -> None:
        self._database = database
        self._store = store
        self._outgoing = outgoing

    async def run_once(self, now: datetime) -> int:
        """Wake executions whose wake-up or lease was lost, and tell what was not told; returns how many were woken."""
        woken = await self._store.execution_work.sweep_all(self._database, now=now)
        await self._outgoing.send()
        return woken

    async def prune(self, now: datetime) -> int:
        """Drop what ended 60 days ago; returns how many rows."""
        before = now - RETENTION
        return await in_steps(
            self._database,
            lambda tx: self._store.history.prune(tx, before=before, limit=AT_ONCE),
            at_once=1,
        )

    async def free_leases(self, now: datetime) -> int:
        """End the leases of a process that died; only the sole owner of the database may call this."""
        return await self._database.run(
            lambda tx: self._store.execution_work.free_leases(tx, now=now)
        )
