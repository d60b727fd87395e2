"""What every reply store does with what the operation store of the same database writes into it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import pytest

from shared.connector.operations import ReplyTo
from shared.connector.replies import ReplyStore
from shared.connector.store import Acceptance, OperationStore
from tests.clocks import FakeClock
from tests.contracts.operation_store_steps import JOB, SECOND, new


class ReplyWorld(Protocol):
    """An empty reply store, and the operation store that fills it."""

    clock: FakeClock

    @property
    def operations(self) -> OperationStore: ...

    @property
    def replies(self) -> ReplyStore: ...


class ReplyStoreContract(ABC):
    """A subclass opens a world."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[ReplyWorld]: ...

    @pytest.fixture
    async def world(self) -> AsyncIterator[ReplyWorld]:
        async with self.open() as world:
            yield world

    async def end(self, world: ReplyWorld, name: str, queue: str = "q1") -> None:
        """End an operation that is to be told on `queue`."""
        now = world.clock.now()
        asked = replace(new(name, JOB, now), reply_to=ReplyTo(queue=queue, correlation_id=name))
        acceptance = Acceptance(operations=[asked], caller="key", key=None, fingerprint="", now=now)
        await world.operations.accept(acceptance)
        await world.operations.cancel(name, now=now)

    async def waiting(
        self, world: ReplyWorld, queue: str, *, before: datetime, limit: int = 10
    ) -> list[str | None]:
        found = await world.replies.waiting(queue, before=before, limit=limit)
        return [reply.to.correlation_id for reply in found]

    async def test_reply_is_found_by_its_operation(self, world: ReplyWorld) -> None:
        await self.end(world, "a")

        reply = await world.replies.of("a")

        assert reply is not None
        assert reply.to == ReplyTo(queue="q1", correlation_id="a")
        assert (reply.message().message_id, reply.message().correlation_id) == ("a/end", "a")
        assert await world.replies.of("b") is None

    async def test_replies_of_a_queue_come_oldest_first_and_from_an_instant_on_not(
        self, world: ReplyWorld
    ) -> None:
        start = world.clock.now()
        for name, queue in (("b", "q1"), ("x", "q2"), ("a", "q1"), ("c", "q1")):
            await self.end(world, name, queue)
            world.clock.set(world.clock.now() + SECOND)

        assert await self.waiting(world, "q1", before=start + 2 * SECOND) == ["b", "a"]
        assert await self.waiting(world, "q1", before=start + 9 * SECOND, limit=1) == ["b"]
        assert await self.waiting(world, "q3", before=start + 9 * SECOND) == []

    async def test_queues_are_found_one_after_another(self, world: ReplyWorld) -> None:
        for name, queue in (("a", "q2"), ("b", "Q1"), ("c", "q2"), ("d", "q-1")):
            await self.end(world, name, queue)

        found: list[str] = []
        following = await world.replies.queue_after("")
        while following is not None:
            found.append(following)
            following = await world.replies.queue_after(following)

        assert found == ["Q1", "q-1", "q2"]

    async def test_what_was_sent_is_forgotten(self, world: ReplyWorld) -> None:
        await self.end(world, "a")
        await self.end(world, "b")
        reply = await world.replies.of("a")
        assert reply is not None

        await world.replies.forget([reply])

        assert await world.replies.of("a") is None
        assert await self.waiting(world, "q1", before=world.clock.now()) == ["b"]

    async def test_what_ended_long_ago_is_given_up(self, world: ReplyWorld) -> None:
        await self.end(world, "a")
        world.clock.set(world.clock.now() + SECOND)
        await self.end(world, "b")

        assert await world.replies.prune(before=world.clock.now()) == 1
        assert await self.waiting(world, "q1", before=world.clock.now()) == ["b"]
