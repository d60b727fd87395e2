"""The connector as its entry points see it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from shared.connector.commands import Door
from shared.connector.execute import Executor
from shared.connector.listing import OperationFilter, OperationPage
from shared.connector.operations import Operation, instant_text
from shared.connector.reading import Reader
from shared.connector.rejection import QueueMessage
from shared.connector.upkeep import Upkeep
from shared.connector.watch import Watch
from shared.messaging.wake_up import WakeUp
from shared.wire.commands import Command
from shared.wire.endpoint import Endpoint
from shared.wire.json_types import Json


class Connector:
    """Accepts commands, carries them out, and says how far they are."""

    def __init__(
        self, *, door: Door, executor: Executor, reader: Reader, watch: Watch, upkeep: Upkeep
    ) -> None:
        self._door = door
        self._executor = executor
        self._reader = reader
        self._watch = watch
        self._upkeep = upkeep

    async def accept(
        self,
        commands: Sequence[Command],
        *,
        caller: str,
        key: str | None,
        correlation_id: str | None,
        traceparent: str | None = None,
    ) -> list[Operation]:
        """See `Door.accept`."""
        return await self._door.accept(
            commands,
            caller=caller,
            key=key,
            correlation_id=correlation_id,
            traceparent=traceparent,
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
        """See `Watch.operation`."""
        return await self._watch.operation(operation_id)

    async def operations(self, wanted: OperationFilter) -> OperationPage:
        """See `Watch.page`."""
        return await self._watch.page(wanted)

    async def wait(self, operation_ids: Sequence[str], *, within: timedelta) -> list[Operation]:
        """See `Watch.wait`."""
        return await self._watch.wait(operation_ids, within=within)

    async def result(self, operation_id: str) -> Json:
        """See `Watch.result`."""
        return await self._watch.result(operation_id)

    async def cancel(self, operation_id: str) -> Operation:
        """See `Executor.cancel`."""
        return await self._executor.cancel(operation_id)

    async def sweep(self) -> int:
        """See `Upkeep.sweep`."""
        return await self._upkeep.sweep()

    async def prune(self) -> int:
        """See `Upkeep.prune`."""
        return await self._upkeep.prune()

    async def free_leases(self) -> int:
        """See `Upkeep.free_leases`."""
        return await self._upkeep.free_leases()

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
