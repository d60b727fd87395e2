"""What the parts of the operation store contract share."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from shared.connector.operations import (
    Ended,
    NewOperation,
    Operation,
    OperationError,
    OperationStatus,
    ReplyTo,
)
from shared.connector.store import Acceptance, OperationList, OperationStore, Started
from shared.messaging.wake_up import WakeUp
from tests.clocks import FakeClock

DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)
JOB = "/cloudservices/cs1/jobcollections/jc1/jobs/a/"
COLLECTION = "/cloudservices/cs1/jobcollections/jc1/"
SUCCEEDED = Ended(status=OperationStatus.SUCCEEDED, http_status=201, result={"id": "a"})
FAILED = Ended(
    status=OperationStatus.FAILED,
    http_status=409,
    error=OperationError(code="ConflictError", message="no"),
)


class Store(OperationStore, OperationList, Protocol):
    """Both ports, which one adapter has."""


class StoreWorld(Protocol):
    """A store and what stands behind it."""

    clock: FakeClock

    @property
    def store(self) -> Store: ...

    async def wake_ups(self) -> list[WakeUp]:
        """Take every wake-up that is visible by now."""

    async def event_ids(self) -> list[str]:
        """Return the ids of the events inserted, in their order."""

    async def replies(self) -> list[tuple[str, ReplyTo]]:
        """Return the ids of the events that wait to be sent as replies, and where they go, in their order."""

    async def keys(self) -> int:
        """Return how many keys are stored."""


def new(
    name: str, path: str, now: datetime, *, is_read: bool = False, limit: timedelta = DAY
) -> NewOperation:
    operation = Operation(
        id=name,
        command="GetJob" if is_read else "CreateOrUpdateJob",
        resource=path[:-1],
        status=OperationStatus.NOT_STARTED,
        caller="key",
        correlation_id=f"c-{name}",
        traceparent=f"t-{name}",
        requested_at=now,
    )
    return NewOperation(
        operation=operation,
        follows=path,
        blocks=None if is_read else path,
        sealed_body=f"sealed {name}",
        if_match="etag",
        time_limit=limit,
    )


class StoreSteps(ABC):
    """A subclass opens a world over an empty store."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[StoreWorld]: ...

    @pytest.fixture
    async def world(self) -> AsyncIterator[StoreWorld]:
        async with self.open() as world:
            yield world

    async def accept(
        self,
        world: StoreWorld,
        *operations: tuple[str, str] | NewOperation,
        key: str | None = None,
        fingerprint: str = "f",
        caller: str = "key",
    ) -> list[Operation]:
        now = world.clock.now()
        acceptance = Acceptance(
            operations=[
                one if isinstance(one, NewOperation) else new(*one, now) for one in operations
            ],
            caller=caller,
            key=key,
            fingerprint=fingerprint,
            now=now,
        )
        return await world.store.accept(acceptance)

    async def start(self, world: StoreWorld, wake_up: WakeUp) -> Started:
        started = await world.store.start(wake_up, now=world.clock.now())
        assert isinstance(started, Started)
        return started

    async def end(self, world: StoreWorld, wake_up: WakeUp, end: Ended = SUCCEEDED) -> None:
        started = await self.start(world, wake_up)
        await world.store.record(started.lease, end, now=world.clock.now())

    async def woken(self, world: StoreWorld) -> list[str]:
        return [wake_up.id for wake_up in await world.wake_ups()]

    async def statuses(self, world: StoreWorld, *names: str) -> Sequence[OperationStatus | None]:
        found = [await world.store.get(name) for name in names]
        return [None if one is None else one.status for one in found]
