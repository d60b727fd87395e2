"""What every operation store does."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from shared.connector.operations import (
    Ended,
    Later,
    NewOperation,
    Operation,
    OperationError,
    OperationStatus,
    Phase,
    Progress,
)
from shared.connector.store import Acceptance, OperationStore, Started
from shared.errors import ConflictError, LeaseLostError
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
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


class StoreWorld(Protocol):
    """A store and what stands behind it."""

    clock: FakeClock

    @property
    def store(self) -> OperationStore: ...

    async def wake_ups(self) -> list[WakeUp]:
        """Take every wake-up that is visible by now."""

    async def event_ids(self) -> list[str]:
        """Return the ids of the events inserted, in their order."""


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


class OperationStoreContract(ABC):
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

    async def test_p1_accepted_operation_is_there_and_woken_once(self, world: StoreWorld) -> None:
        (accepted,) = await self.accept(world, ("a", JOB))

        assert await world.store.get("a") == accepted
        assert await world.wake_ups() == [WakeUp("a", 0)]

    async def test_unknown_operation_is_none(self, world: StoreWorld) -> None:
        assert await world.store.get("nobody") is None

    async def test_newest_come_first(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", COLLECTION))
        await self.accept(world, ("c", JOB))

        newest = await world.store.newest(limit=2)

        assert [operation.id for operation in newest] == ["c", "b"]

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
        assert len(await world.store.newest(limit=100)) == 1

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
        assert [one.id for one in await world.store.newest(limit=100)] == ended[::-1]

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

    async def test_deadline_counts_from_the_release(self, world: StoreWorld) -> None:
        hour = timedelta(hours=1)
        await self.accept(world, ("a", JOB), new("b", JOB, world.clock.now(), limit=hour))
        (wake_up,) = await world.wake_ups()
        world.clock.set(world.clock.now() + 5 * hour)
        await self.end(world, wake_up)

        (wake_up,) = await world.wake_ups()
        started = await self.start(world, wake_up)

        assert started.assignment.deadline_at == world.clock.now() + hour

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
                Lease(lease.id, lease.attempt, 1, lease.until), SUCCEEDED, now=world.clock.now()
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
        assert ended.correlation_id == "c-a"

    async def test_sweep_wakes_what_was_not_woken(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        await world.wake_ups()
        assert await world.store.sweep(now=world.clock.now()) == 0

        await world.clock.advance(timedelta(seconds=60))

        assert await world.store.sweep(now=world.clock.now()) == 1
        assert await self.woken(world) == ["a"]

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
