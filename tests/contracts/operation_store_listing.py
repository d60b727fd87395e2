"""How every operation store lists."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.connector.listing import OperationFilter, OperationPage, Place
from shared.connector.operations import OperationStatus
from tests.contracts.operation_store_steps import COLLECTION, JOB, SECOND, StoreSteps, StoreWorld

PATHS = {
    "a": "/cloudservices/cs1/",
    "b": "/cloudservices/cs1/jobcollections/jc1/",
    "c": "/cloudservices/cs1/jobcollections/jc1/jobs/",
    "d": "/cloudservices/cs1/jobcollections/jc1/jobs/x/",
    "e": "/cloudservices/cs1/jobcollections/jc1/jobs/xy/",
    "f": "/cloudservices/cs1/jobcollections/jc10/jobs/x/",
    "g": "/cloudservices/cs10/",
    "h": "/cloudservices/",
    "i": "/providers/ns/",
    "j": "/providers/ns2/",
}


def ids(page: OperationPage) -> str:
    return "".join(operation.id for operation in page.operations)


class ListingContract(StoreSteps):
    """Newest first, by status, resource and time."""

    async def test_newest_come_first_a_page_at_a_time(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", COLLECTION))
        world.clock.set(world.clock.now() + SECOND)
        await self.accept(world, ("c", JOB))

        found, before = [], None
        while True:
            page = await world.store.page(OperationFilter(limit=1, before=before))
            found.append(ids(page))
            if (before := page.last) is None:
                break

        assert found == ["c", "b", "a"]

    async def test_page_that_takes_all_is_the_last(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB), ("b", COLLECTION))

        assert (await world.store.page(OperationFilter(limit=2))).last is None
        assert (await world.store.page(OperationFilter(limit=1))).last is not None

    @pytest.mark.parametrize(
        ("statuses", "found"),
        [
            ([OperationStatus.SUCCEEDED], "a"),
            ([OperationStatus.CANCELED], "c"),
            ([OperationStatus.NOT_STARTED, OperationStatus.SUCCEEDED], "da"),
            ([OperationStatus.RUNNING], "b"),
            ([OperationStatus.FAILED], ""),
            (list(OperationStatus), "dcba"),
        ],
    )
    async def test_by_status(
        self, world: StoreWorld, statuses: Sequence[OperationStatus], found: str
    ) -> None:
        await self.accept(world, *((name, f"{COLLECTION}jobs/{name}/") for name in "abcd"))
        first, second, *_ = await world.wake_ups()
        await self.end(world, first)
        await self.start(world, second)
        await world.store.cancel("c", now=world.clock.now())

        page = await world.store.page(OperationFilter(statuses=frozenset(statuses)))

        assert ids(page) == found

    @pytest.mark.parametrize("prefix", [*PATHS.values(), "/x/", "/a/b/c/d/e/f/g/", f"{JOB}more/"])
    async def test_by_resource_in_whole_segments(self, world: StoreWorld, prefix: str) -> None:
        await self.accept(world, *PATHS.items())

        page = await world.store.page(OperationFilter(resource_prefix=prefix))

        expected = [name for name, path in PATHS.items() if path.startswith(prefix)]
        assert ids(page) == "".join(reversed(expected))

    async def test_by_time_status_and_resource_together(self, world: StoreWorld) -> None:
        start = world.clock.now()
        for number, name in enumerate("abcdef"):
            world.clock.set(start + number * SECOND)
            path = f"{COLLECTION}jobs/{name}/" if number % 2 else f"/cloudservices/{name}/"
            await self.accept(world, (name, path))
        await world.store.cancel("d", now=world.clock.now())

        wanted = OperationFilter(
            statuses=frozenset([OperationStatus.NOT_STARTED]),
            resource_prefix=COLLECTION,
            since=start + SECOND,
        )
        assert ids(await world.store.page(wanted)) == "fb"
        later = OperationFilter(since=start + 2 * SECOND, before=Place(start + 4 * SECOND, 0))
        assert ids(await world.store.page(later)) == "dc"

    async def test_since_includes_its_instant(self, world: StoreWorld) -> None:
        await self.accept(world, ("a", JOB))
        now = world.clock.now()

        assert ids(await world.store.page(OperationFilter(since=now))) == "a"
        after = now + timedelta(microseconds=1)
        assert ids(await world.store.page(OperationFilter(since=after))) == ""
