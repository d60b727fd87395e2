"""How every operation store ends what was never started."""

import asyncio
from datetime import timedelta

import pytest

from shared.connector.operations import OperationStatus
from shared.errors import ConflictError, NotFoundError
from shared.messaging.work import Nothing
from tests.contracts.operation_store_steps import (
    COLLECTION,
    FAILED,
    JOB,
    SECOND,
    StoreSteps,
    StoreWorld,
    new,
)

SERVICE = "/cloudservices/cs1/"
OTHER_JOB = f"{COLLECTION}jobs/b/"
MANY = 450


class CancelingContract(StoreSteps):
    """Cancel is an end like the others, of what has not begun."""

    async def test_p2_canceled_operation_has_ended_with_one_event(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        world.clock.set(world.clock.now() + SECOND)

        canceled = await world.store.cancel("a", now=world.clock.now())
        again = await world.store.cancel("a", now=world.clock.now() + SECOND)

        assert canceled.status is OperationStatus.CANCELED
        assert (canceled.started_at, canceled.finished_at) == (None, world.clock.now())
        assert canceled == again == await world.store.get("a")
        assert await world.event_ids() == ["a/end"]

    async def test_wake_up_of_a_canceled_operation_starts_nothing(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        await world.store.cancel("a", now=world.clock.now())

        assert await world.store.start(wake_up, now=world.clock.now()) == Nothing()
        await world.clock.advance(timedelta(minutes=2))
        assert await world.store.sweep(now=world.clock.now()) == 0
        assert await world.wake_ups() == []

    async def test_what_was_started_is_not_canceled(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        await self.start(world, wake_up)

        with pytest.raises(ConflictError, match="'a' is Running"):
            await world.store.cancel("a", now=world.clock.now())

        await world.clock.advance(timedelta(seconds=90))
        await world.store.sweep(now=world.clock.now())
        (wake_up,) = await world.wake_ups()
        await self.end(world, wake_up, FAILED)
        with pytest.raises(ConflictError, match="'a' is Failed"):
            await world.store.cancel("a", now=world.clock.now())
        assert await world.event_ids() == ["a/end"]

    async def test_what_is_not_there_is_not_canceled(self, world: StoreWorld) -> None:
        with pytest.raises(NotFoundError, match="'nobody'"):
            await world.store.cancel("nobody", now=world.clock.now())

    async def test_p2_of_cancel_and_start_at_the_same_time_one_happens(
        self, world: StoreWorld
    ) -> None:
        names = [f"a{number}" for number in range(20)]
        await self.accept(world, *((name, f"{COLLECTION}jobs/{name}/") for name in names))
        wake_ups = await world.wake_ups()
        now = world.clock.now()

        started, canceled = await asyncio.gather(
            asyncio.gather(*(world.store.start(one, now=now) for one in wake_ups)),
            asyncio.gather(
                *(world.store.cancel(name, now=now) for name in names), return_exceptions=True
            ),
        )

        was_canceled = [not isinstance(one, ConflictError) for one in canceled]
        assert [isinstance(one, Nothing) for one in started] == was_canceled

    async def test_p3_what_waited_for_it_alone_is_released(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", COLLECTION), ("b", JOB), ("c", OTHER_JOB))
        assert await self.woken(world) == ["a"]

        await world.store.cancel("a", now=world.clock.now())

        assert await self.woken(world) == ["b", "c"]

    async def test_p3_what_waited_for_it_waits_for_the_write_before_it(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB), ("c", JOB))
        await self.accept(world, new("r", JOB, world.clock.now(), is_read=True))
        (wake_up,) = await world.wake_ups()

        await world.store.cancel("b", now=world.clock.now())
        assert await world.wake_ups() == []
        await self.end(world, wake_up)

        assert await self.woken(world) == ["c"]

    async def test_p3_chain_of_canceled_ones_keeps_the_order(self, world: StoreWorld) -> None:
        await self.accept(world, *((name, JOB) for name in "abcde"))
        (wake_up,) = await world.wake_ups()

        for name in "dbc":
            await world.store.cancel(name, now=world.clock.now())
        assert await world.wake_ups() == []
        await self.end(world, wake_up)

        assert await self.woken(world) == ["e"]

    async def test_p3_cancel_of_a_write_above_releases_what_only_it_held_back(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("b", COLLECTION), ("c", JOB), ("d", OTHER_JOB))
        (wake_up,) = await world.wake_ups()

        await world.store.cancel("b", now=world.clock.now())
        assert await self.woken(world) == ["d"]
        await self.end(world, wake_up)

        assert await self.woken(world) == ["c"]

    async def test_p3_what_comes_later_waits_for_the_one_before_the_canceled(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB))
        (wake_up,) = await world.wake_ups()
        await world.store.cancel("b", now=world.clock.now())

        await self.accept(world, ("c", SERVICE))
        assert await world.wake_ups() == []
        await self.end(world, wake_up)

        assert await self.woken(world) == ["c"]

    async def test_end_of_what_a_canceled_one_waited_for_wakes_it_not(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB))
        (wake_up,) = await world.wake_ups()
        await world.store.cancel("b", now=world.clock.now())

        await self.end(world, wake_up)

        assert await world.wake_ups() == []
        assert await world.event_ids() == ["b/end", "a/end"]

    async def test_p3_many_that_waited_keep_their_order_behind_the_one_before(
        self, world: StoreWorld
    ) -> None:
        now = world.clock.now()
        readers = [f"r{number:03}" for number in range(MANY)]
        await self.accept(world, ("a", JOB), ("b", JOB))
        await self.accept(world, *(new(name, JOB, now, is_read=True) for name in readers))
        (wake_up,) = await world.wake_ups()

        await world.store.cancel("b", now=now)
        assert await world.wake_ups() == []
        await self.end(world, wake_up)

        assert await self.woken(world) == readers
