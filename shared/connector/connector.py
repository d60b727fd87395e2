"""The connector as its entry points see it."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.clock import Clock
from shared.connector.commands import Door
from shared.connector.execute import Executor
from shared.connector.operations import Operation, instant_text
from shared.connector.reading import Reader
from shared.connector.rejection import QueueMessage
from shared.connector.store import OperationStore
from shared.errors import NotFoundError
from shared.events.log import EventLog
from shared.messaging.wake_up import WakeUp
from shared.wire.catalogue import Endpoint
from shared.wire.commands import Command
from shared.wire.json_types import Json

LONGEST_LIST = 100
"""As many operations as a caller may ask for at once."""


class Connector:
    """Accepts commands, carries them out, and says how far they are."""

    def __init__(
        self,
        store: OperationStore,
        *,
        door: Door,
        executor: Executor,
        reader: Reader,
        event_log: EventLog,
        clock: Clock,
    ) -> None:
        self._store = store
        self._door = door
        self._executor = executor
        self._reader = reader
        self._event_log = event_log
        self._clock = clock

    async def accept(
        self,
        commands: Sequence[Command],
        *,
        caller: str,
        key: str | None,
        correlation_id: str | None,
    ) -> list[Operation]:
        """See `Door.accept`."""
        return await self._door.accept(
            commands, caller=caller, key=key, correlation_id=correlation_id
        )

    async def accept_message(self, message: QueueMessage) -> list[Operation]:
        """See `Door.accept_message`."""
        return await self._door.accept_message(message)

    async def execute(self, wake_up: WakeUp) -> None:
        """See `Executor.execute`."""
        await self._executor.execute(wake_up)

    async def read(
        self, endpoint: Endpoint, params: Mapping[str, str], query: Mapping[str, str]
    ) -> tuple[int, Json]:
        """See `Reader.read`."""
        return await self._reader.read(endpoint, params, query)

    async def operation(self, operation_id: str) -> Operation:
        """Raises NotFoundError; operations that ended more than seven days ago are forgotten."""
        operation = await self._store.get(operation_id)
        if operation is None:
            raise NotFoundError(f"there is no operation {operation_id!r}")
        return operation

    async def operations(self, *, limit: int) -> list[Operation]:
        """Return the operations accepted last, the newest first."""
        return await self._store.newest(limit=limit)

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

    def health(self) -> dict[str, Any]:
        """Say whether calls to the Scheduler are paused, since when and why."""
        pause = self._executor.pause
        if pause.reason is None:
            return {"status": "running"}
        return {
            "status": "paused",
            "reason": pause.reason,
            "since": instant_text(pause.since),
        }
