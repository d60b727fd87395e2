"""What every operation store does."""

import asyncio
from datetime import timedelta

import pytest

from shared.connector.listing import OperationFilter
from shared.connector.operations import (
    Later,
    OperationStatus,
    Phase,
    Progress,
)
from shared.errors import ConflictError, LeaseLostError
from shared.messaging.steps import AT_ONCE
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from tests.contracts.operation_store_canceling import CancelingContract
from tests.contracts.operation_store_following import FollowingContract
from tests.contracts.operation_store_listing import ListingContract
from tests.contracts.operation_store_ordering import OrderingContract
from tests.contracts.operation_store_results import ResultsContract
from tests.contracts.operation_store_steps import (
    COLLECTION,
    DAY,
    FAILED,
    JOB,
    SECOND,
    SUCCEEDED,
    StoreWorld,
)


class OperationStoreContract(
    OrderingContract, FollowingContract, CancelingContract, ListingContract, ResultsContract
):
    """A subclass opens a world over an empty store."""

    async def test_p1_accepted_operation_is_there_and_woken_once(self, world: StoreWorld) -> None:
        (accepted,) = await self.accept(world, ("a", JOB))

        assert await world.store.get("a") == accepted
        assert await world.wake_ups() == [WakeUp("a", 0)]

    async def test_unknown_operation_is_none(self, world: StoreWorld) -> None:
        assert await world.store.get("nobody") is None

    async def test_p4_same_key_is_the_same_operations_as_they_are_now(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB), key="k")
        (wake_up,) = await world.wake_ups()
        await self.end(world, wake_up)

        again = await self.accept(world, ("c", JOB), ("d", JOB), key="k")

        assert [one.id for one in again] == ["a", "b"]
        assert again[0].status is OperationStatus.SUCCEEDED
        assert await world.store.get("c") is None

    async def test_p4_same_key_with_another_request_is_a_conflict(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), key="k", fingerprint="one")

        with pytest.raises(ConflictError, match="'k'"):
            await self.accept(world, ("b", JOB), key="k", fingerprint="two")

        assert await world.store.get("b") is None

    async def test_p4_key_belongs_to_its_caller(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), key="k", caller="one", fingerprint="1")

        (accepted,) = await self.accept(world, ("b", JOB), key="k", caller="two", fingerprint="2")

        assert accepted.id == "b"

    async def test_p4_key_is_forgotten_after_24_hours(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), key="k", fingerprint="1")
        world.clock.set(world.clock.now() + DAY - SECOND)
        with pytest.raises(ConflictError):
            await self.accept(world, ("b", JOB), key="k", fingerprint="2")

        world.clock.set(world.clock.now() + SECOND)
        (accepted,) = await self.accept(world, ("c", JOB), key="k", fingerprint="2")

        assert accepted.id == "c"

    async def test_p4_equal_keys_at_the_same_time_make_one_operation(
        self, world: StoreWorld
    ) -> None:
        answers = await asyncio.gather(
            *(self.accept(world, (f"a{number}", JOB), key="k") for number in range(20))
        )

        assert len({answer[0].id for answer in answers}) == 1
        assert len((await world.store.page(OperationFilter())).operations) == 1

    async def test_conflict_costs_no_neighbour_its_acceptance(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), key="k", fingerprint="1")

        answers = await asyncio.gather(
            self.accept(world, ("b", COLLECTION)),
            self.accept(world, ("c", JOB), key="k", fingerprint="2"),
            self.accept(world, ("d", "/cloudservices/cs2/")),
            return_exceptions=True,
        )

        assert isinstance(answers[1], ConflictError)
        assert await self.statuses(world, "b", "c", "d") == ["NotStarted", None, "NotStarted"]

    async def test_started_operation_brings_what_was_accepted(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        world.clock.set(world.clock.now() + SECOND)

        assignment = (await self.start(world, wake_up)).assignment

        assert assignment.operation.status is OperationStatus.RUNNING
        assert assignment.operation.started_at == assignment.first_sent_at == world.clock.now()
        assert (assignment.sealed_body, assignment.if_match) == ("sealed a", "etag")
        assert assignment.deadline_at == world.clock.now() - SECOND + DAY
        assert (assignment.progress, assignment.leases) == (Progress(), 1)
        assert "sealed a" not in repr(assignment)

    async def test_started_operation_is_started_by_nobody_else(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        await self.start(world, wake_up)

        again = await world.store.start(wake_up, now=world.clock.now())
        forged = await world.store.start(WakeUp("a", 1), now=world.clock.now())

        assert again == forged == Nothing()

    async def test_step_that_goes_on_later_keeps_its_progress(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        started = await self.start(world, wake_up)
        now = world.clock.now()
        progress = Progress(
            phase=Phase.POLL,
            request_id="r1",
            failures=2,
            polls=3,
            missing_since=now,
            is_outcome_unknown=True,
        )
        later = Later(progress=progress, due_at=now + 5 * SECOND, deadline_at=now + 2 * DAY)
        await world.store.record(started.lease, later, now=now)

        assert await world.wake_ups() == []
        await world.clock.advance(5 * SECOND)
        (wake_up,) = await world.wake_ups()
        assignment = (await self.start(world, wake_up)).assignment

        assert wake_up == WakeUp("a", 1)
        assert (assignment.progress, assignment.deadline_at) == (progress, now + 2 * DAY)
        assert assignment.first_sent_at == now
        assert assignment.leases == 1

    async def test_early_wake_up_is_told_when(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        await world.wake_ups()

        early = await world.store.start(WakeUp("a", 0), now=world.clock.now() - 60 * SECOND)

        assert early == NotYet(world.clock.now())

    async def test_wake_up_that_is_much_too_early_is_sent_again(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        await world.wake_ups()

        early = await world.store.start(WakeUp("a", 0), now=world.clock.now() - 61 * SECOND)

        assert early == Nothing()
        assert await world.wake_ups() == [WakeUp("a", 0)]

    async def test_lost_lease_writes_nothing(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB))
        (wake_up,) = await world.wake_ups()
        lost = (await self.start(world, wake_up)).lease
        await world.clock.advance(timedelta(seconds=90))
        assert await world.store.sweep(now=world.clock.now()) == 1
        (wake_up,) = await world.wake_ups()
        await self.start(world, wake_up)

        with pytest.raises(LeaseLostError):
            await world.store.record(lost, SUCCEEDED, now=world.clock.now())

        assert await self.statuses(world, "a", "b") == ["Running", "NotStarted"]
        assert await world.event_ids() == []
        assert await world.wake_ups() == []

    async def test_p2_operation_ends_once_with_one_event(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        lease = (await self.start(world, wake_up)).lease
        await world.store.record(lease, FAILED, now=world.clock.now())

        with pytest.raises(LeaseLostError):
            await world.store.record(
                Lease(lease.id, lease.attempt, 1), SUCCEEDED, now=world.clock.now()
            )

        ended = await world.store.get("a")
        assert ended is not None
        assert (ended.status, ended.http_status) == (OperationStatus.FAILED, 409)
        assert ended.error == FAILED.error
        assert ended.finished_at == world.clock.now()
        assert await world.event_ids() == ["a/end"]

    async def test_ended_operation_keeps_its_result(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()

        await self.end(world, wake_up)

        ended = await world.store.get("a")
        assert ended is not None
        assert (ended.status, ended.result) == (OperationStatus.SUCCEEDED, {"id": "a"})
        assert (ended.correlation_id, ended.traceparent) == ("c-a", "t-a")

    async def test_sweep_wakes_what_was_not_woken(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        await world.wake_ups()
        assert await world.store.sweep(now=world.clock.now()) == 0

        await world.clock.advance(timedelta(seconds=60))

        assert await world.store.sweep(now=world.clock.now()) == 1
        assert await self.woken(world) == ["a"]

    async def test_sweep_wakes_everything_in_steps(self, world: StoreWorld) -> None:
        many = AT_ONCE + 1
        await self.accept(world, *((f"a{n}", f"{COLLECTION}jobs/{n}/") for n in range(many)))
        await world.wake_ups()
        await world.clock.advance(timedelta(seconds=60))

        assert await world.store.sweep(now=world.clock.now()) == many

    async def test_keys_are_forgotten_in_steps(self, world: StoreWorld) -> None:
        for number in range(AT_ONCE + 1):
            await self.accept(
                world, (f"a{number}", f"{COLLECTION}jobs/{number}/"), key=f"k{number}"
            )
        world.clock.set(world.clock.now() + DAY + SECOND)

        await world.store.prune(now=world.clock.now())

        assert await world.keys() == 0

    async def test_p7_leases_of_a_dead_process_are_freed(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        await self.start(world, wake_up)

        assert await world.store.free_leases(now=world.clock.now()) == 1
        assert await world.store.sweep(now=world.clock.now()) == 1

        (wake_up,) = await world.wake_ups()
        assert (await self.start(world, wake_up)).assignment.leases == 2

    async def test_ended_operations_are_forgotten_after_seven_days(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", JOB), key="k")
        (wake_up,) = await world.wake_ups()
        await self.end(world, wake_up)
        await world.wake_ups()

        world.clock.set(world.clock.now() + timedelta(days=7))
        assert await world.store.prune(now=world.clock.now()) == 0
        world.clock.set(world.clock.now() + SECOND)

        assert await world.store.prune(now=world.clock.now()) == 1
        assert await self.statuses(world, "a", "b") == [None, "NotStarted"]
