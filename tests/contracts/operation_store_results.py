"""How every operation store keeps what operations brought, and tells who asked to be told."""

import json
from dataclasses import replace
from datetime import timedelta

from shared.connector.operations import Ended, OperationStatus, ReplyTo
from shared.wire.json_types import Json
from tests.contracts.operation_store_steps import DAY, JOB, StoreSteps, StoreWorld, new

LONGEST = 64 * 1024


def success(result: Json) -> Ended:
    return Ended(status=OperationStatus.SUCCEEDED, http_status=200, result=result)


def text_of(length: int) -> str:
    """Return a text that has `length` characters as JSON."""
    return "x" * (length - 2)


class ResultsContract(StoreSteps):
    """Up to 64 KB with the operation, above that for a day elsewhere."""

    async def test_result_of_64_kb_stays_with_the_operation(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()

        await self.end(world, wake_up, success(text_of(LONGEST)))

        ended = await world.store.get("a")
        assert ended is not None
        assert (ended.result, ended.large_result_until) == (text_of(LONGEST), None)
        assert await world.store.large_result("a") is None

    async def test_larger_result_is_kept_elsewhere_for_a_day(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()

        await self.end(world, wake_up, success(text_of(LONGEST + 1)))

        ended = await world.store.get("a")
        assert ended is not None
        assert (ended.result, ended.large_result_until) == (None, world.clock.now() + DAY)
        text = await world.store.large_result("a")
        assert text is not None
        assert json.loads(text) == text_of(LONGEST + 1)

    async def test_larger_result_is_forgotten_after_a_day_and_the_operation_is_not(
        self, world: StoreWorld
    ) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()
        await self.end(world, wake_up, success(text_of(LONGEST + 1)))

        world.clock.set(world.clock.now() + DAY - timedelta(microseconds=1))
        await world.store.prune(now=world.clock.now())
        assert await world.store.large_result("a") is not None
        world.clock.set(world.clock.now() + timedelta(microseconds=1))
        await world.store.prune(now=world.clock.now())

        assert await world.store.large_result("a") is None
        ended = await world.store.get("a")
        assert ended is not None
        assert ended.large_result_until == world.clock.now()

    async def test_p2_result_that_json_cannot_say_holds_up_no_end(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        (wake_up,) = await world.wake_ups()

        await self.end(world, wake_up, success({"n": float("inf")}))

        ended = await world.store.get("a")
        assert ended is not None
        assert (ended.status, ended.result) == (OperationStatus.SUCCEEDED, None)

    async def test_reply_is_written_with_the_end_and_canceled_ones_get_one_too(
        self, world: StoreWorld
    ) -> None:
        to = ReplyTo(queue="replies", session_id="s", correlation_id="c")
        now = world.clock.now()
        await self.accept(world, replace(new("a", JOB, now), reply_to=to), ("b", JOB))
        await self.accept(world, replace(new("c", JOB, now), reply_to=to))
        (wake_up,) = await world.wake_ups()
        started = await self.start(world, wake_up)
        assert started.assignment.wants_reply

        await world.store.cancel("c", now=now)
        await world.store.record(started.lease, success("done"), now=now)

        assert await world.replies() == [("c/end", to), ("a/end", to)]
