"""In which order every operation store has operations carried out."""

import asyncio
from datetime import timedelta

import pytest

from shared.connector.listing import OperationFilter
from tests.contracts.operation_store_steps import (
    COLLECTION,
    FAILED,
    JOB,
    StoreSteps,
    StoreWorld,
    new,
)

MANY = 450


class OrderingContract(StoreSteps):
    """What waits for what, and for how long."""

    @pytest.mark.parametrize(
        ("first", "second"),
        [(JOB, JOB), (COLLECTION, JOB), (JOB, COLLECTION), ("/cloudservices/cs1/", JOB)],
    )
    async def test_p3_later_write_waits_for_an_earlier_one_above_below_or_equal(
        self, world: StoreWorld, first: str, second: str
    ) -> None:
        await self.accept(world, ("a", first))
        await self.accept(world, ("b", second))
        (wake_up,) = await world.wake_ups()
        assert wake_up.id == "a"

        await self.end(world, wake_up, FAILED)

        assert await self.woken(world) == ["b"]

    @pytest.mark.parametrize(
        "other", [f"{JOB[:-1]}b/", f"{COLLECTION}jobs/b/", "/cloudservices/cs/"]
    )
    async def test_p3_unrelated_commands_do_not_wait(self, world: StoreWorld, other: str) -> None:
        await self.accept(world, ("a", JOB))
        await self.accept(world, ("b", other))

        assert await self.woken(world) == ["a", "b"]

    async def test_p3_reads_wait_for_writes_and_nothing_waits_for_reads(
        self, world: StoreWorld
    ) -> None:
        now = world.clock.now()
        await self.accept(world, ("a", JOB))
        await self.accept(world, new("r", COLLECTION, now, is_read=True))
        await self.accept(world, new("s", "/cloudservices/cs2/", now, is_read=True))
        await self.accept(world, ("t", "/cloudservices/cs2/"))

        first, second, third = await world.wake_ups()
        assert (first.id, second.id, third.id) == ("a", "s", "t")
        await self.end(world, first)

        assert await self.woken(world) == ["r"]

    async def test_p3_list_of_cloud_services_waits_for_whatever_is_below(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("b", "/cloudservices/cs2/"))
        await self.accept(world, new("r", "/cloudservices/", world.clock.now(), is_read=True))
        first, second = await world.wake_ups()

        await self.end(world, first)
        assert await world.wake_ups() == []
        await self.end(world, second, FAILED)

        assert await self.woken(world) == ["r"]

    async def test_p3_what_has_no_cloud_service_waits_for_its_own_kind_alone(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", "/providers/scheduler/"), ("b", "/cloudservices/cs1/"))
        await self.accept(world, ("c", "/entitlements/"), ("d", "/providers/other/"))
        await self.accept(world, ("e", "/providers/scheduler/"), ("f", "/entitlements/"))
        now = world.clock.now()
        await self.accept(world, new("r", "/providers/scheduler/", now, is_read=True))
        await self.accept(world, new("s", "/operations/x/", now, is_read=True))
        first, second, third, *others = await world.wake_ups()
        assert [one.id for one in (first, second, third, *others)] == ["a", "b", "c", "d", "s"]

        await self.end(world, first)
        await self.end(world, third)

        assert await self.woken(world) == ["e", "f"]

    async def test_p3_one_request_is_carried_out_in_its_own_order(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", COLLECTION), ("c", JOB))

        order = []
        while wake_ups := await world.wake_ups():
            (wake_up,) = wake_ups
            order.append(wake_up.id)
            await self.end(world, wake_up)

        assert order == ["a", "b", "c"]

    async def test_p3_acceptances_at_the_same_time_on_one_resource_follow_one_another(
        self, world: StoreWorld
    ) -> None:
        names = [f"a{number}" for number in range(30)]
        await asyncio.gather(*(self.accept(world, (name, JOB)) for name in names))

        ended = []
        while wake_ups := await world.wake_ups():
            (wake_up,) = wake_ups
            await self.end(world, wake_up)
            ended.append(wake_up.id)

        assert sorted(ended) == sorted(names)
        page = await world.store.page(OperationFilter())
        assert [one.id for one in page.operations] == ended[::-1]

    async def test_operation_that_waits_for_several_is_woken_by_the_last(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", f"{COLLECTION}jobs/1/"), ("b", f"{COLLECTION}jobs/2/"))
        await self.accept(world, ("c", COLLECTION))
        first, second = await world.wake_ups()

        await self.end(world, second)
        assert await world.wake_ups() == []
        await self.end(world, first)

        assert await self.woken(world) == ["c"]

    async def test_end_releases_however_many_wait(self, world: StoreWorld) -> None:
        now = world.clock.now()
        readers = [f"r{number:03}" for number in range(MANY)]
        await self.accept(world, ("a", JOB))
        await self.accept(world, *(new(name, JOB, now, is_read=True) for name in readers))
        (wake_up,) = await world.wake_ups()

        await self.end(world, wake_up)

        assert await self.woken(world) == readers

    async def test_deadline_counts_from_the_release(self, world: StoreWorld) -> None:
        hour = timedelta(hours=1)
        await self.accept(world, ("a", JOB), new("b", JOB, world.clock.now(), limit=hour))
        (wake_up,) = await world.wake_ups()
        world.clock.set(world.clock.now() + 5 * hour)
        await self.end(world, wake_up)

        (wake_up,) = await world.wake_ups()
        started = await self.start(world, wake_up)

        assert started.assignment.deadline_at == world.clock.now() + hour
