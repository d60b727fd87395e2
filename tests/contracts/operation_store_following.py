"""How every operation store gives what an end releases to whoever goes on, and publishes with the end."""

import asyncio
from datetime import timedelta

from shared.connector.operations import OperationStatus, Phase
from shared.connector.store import Recorded
from shared.messaging.wake_up import WakeUp
from tests.contracts.operation_store_steps import (
    COLLECTION,
    JOB,
    SECOND,
    SUCCEEDED,
    StoreSteps,
    StoreWorld,
    new,
)


class FollowingContract(StoreSteps):
    """Who goes on needs no wake-up for the first that its end releases."""

    async def go_on(self, world: StoreWorld, name: str) -> Recorded:
        """End the only operation that is woken, and go on."""
        (wake_up,) = await world.wake_ups()
        assert wake_up.id == name
        started = await self.start(world, wake_up)
        return await world.store.record(
            started.lease, SUCCEEDED, now=world.clock.now(), goes_on=True
        )

    async def test_first_that_is_released_is_started_and_the_others_are_woken(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", COLLECTION), ("b", JOB), ("c", f"{COLLECTION}jobs/b/"))
        world.clock.set(world.clock.now() + SECOND)

        following = (await self.go_on(world, "a")).following

        assert following is not None
        assignment = following.assignment
        assert (assignment.operation.id, assignment.operation.status) == ("b", "Running")
        assert assignment.operation.started_at == world.clock.now()
        assert assignment.deadline_at == world.clock.now() + timedelta(hours=24)
        assert (assignment.progress.phase, assignment.leases) == (Phase.SEND, 1)
        assert assignment.sealed_body == "sealed b"
        assert await self.woken(world) == ["c"]

    async def test_one_that_waits_for_more_is_passed_over(self, world: StoreWorld) -> None:
        other = f"{COLLECTION}jobs/other/"
        look = new("c", COLLECTION, world.clock.now(), is_read=True)
        await self.accept(world, ("a", JOB), ("b", other), look, ("d", JOB))
        first, second = await world.wake_ups()
        started = await self.start(world, first)

        following = (
            await world.store.record(started.lease, SUCCEEDED, now=world.clock.now(), goes_on=True)
        ).following
        await self.end(world, second)

        assert following is not None
        assert following.assignment.operation.id == "d"
        assert await self.woken(world) == ["c"]

    async def test_p2_one_that_was_canceled_is_not_started(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB))
        await world.store.cancel("b", now=world.clock.now())

        assert (await self.go_on(world, "a")).following is None

        assert await self.statuses(world, "a", "b") == ["Succeeded", "Canceled"]
        assert sorted(await world.event_ids()) == ["a/end", "b/end"]

    async def test_what_was_started_so_ends_like_any_other(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB), ("c", JOB))
        following = (await self.go_on(world, "a")).following
        assert following is not None

        await world.store.record(following.lease, SUCCEEDED, now=world.clock.now())

        assert await self.statuses(world, "a", "b", "c") == ["Succeeded", "Succeeded", "NotStarted"]
        assert await self.woken(world) == ["c"]
        assert await world.event_ids() == ["a/end", "b/end"]

    async def test_nothing_follows_what_nobody_or_somebody_else_too_holds_back(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("x", f"{COLLECTION}jobs/b/"), ("b", COLLECTION))
        first, second = await world.wake_ups()
        started = await self.start(world, first)

        recorded = await world.store.record(
            started.lease, SUCCEEDED, now=world.clock.now(), goes_on=True
        )
        assert recorded.following is None
        await self.end(world, second)

        assert await self.woken(world) == ["b"]

    async def test_p7_what_was_given_to_one_who_died_is_found_by_sweep(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB))
        await self.go_on(world, "a")
        assert await world.wake_ups() == []
        assert await world.store.sweep(now=world.clock.now()) == 0

        await world.clock.advance(timedelta(seconds=90))

        assert await world.store.sweep(now=world.clock.now()) == 1
        (wake_up,) = await world.wake_ups()
        assert wake_up == WakeUp("b", 1)
        assert (await self.start(world, wake_up)).assignment.leases == 2

    async def test_p2_ends_at_the_same_time_are_each_written_once(self, world: StoreWorld) -> None:
        names = [f"a{number:02}" for number in range(20)]
        await self.accept(world, *((name, f"{COLLECTION}jobs/{name}/") for name in names))
        started = [await self.start(world, wake_up) for wake_up in await world.wake_ups()]

        answers = await asyncio.gather(
            *(
                world.store.record(one.lease, SUCCEEDED, now=world.clock.now())
                for one in (*started, *started)
            ),
            return_exceptions=True,
        )

        assert sum(isinstance(one, Recorded) for one in answers) == 20
        assert sorted(await world.event_ids()) == [f"{name}/end" for name in names]
        assert set(await self.statuses(world, *names)) == {OperationStatus.SUCCEEDED}
