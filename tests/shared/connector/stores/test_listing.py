"""What a page costs."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.connector.listing import OperationFilter
from shared.connector.operations import OperationStatus
from shared.connector.store import Acceptance
from shared.connector.stores.listing import Scope, find_page, page_statement
from tests.contracts.operation_store_steps import COLLECTION, SECOND, new
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import World, opened

ALL = tuple(OperationStatus)
MANY = 400


@pytest.mark.parametrize("is_part", [False, True])
@pytest.mark.parametrize("statuses", [ALL, ALL[:1], ALL[1:3]])
@pytest.mark.parametrize("scope", Scope)
async def test_p12_every_list_reads_an_index_in_its_order(
    tmp_path: Path, scope: Scope, statuses: tuple[OperationStatus, ...], is_part: bool
) -> None:
    def plan_of(connection: Connection) -> list[tuple[int, str]]:
        text, names, _ = page_statement(scope, statuses, is_part=is_part)._for(connection.dialect)
        values = (1,) * len(names or ())
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        return [(row[1], row[3]) for row in rows]

    _, client = scripted(answer(200))
    async with opened(tmp_path, client) as world:
        plan = await world.database.read(plan_of)

    name = f"ix_operation_{scope or 'status'}_listed"
    looks = [parent for parent, step in plan if step.startswith("SEARCH") and name in step]
    assert len(looks) == len(statuses)
    assert not [step for _, step in plan if step.startswith("SCAN operation")]
    # What the index gives is in order; what is sorted is no more than a page of each status.
    assert not [step for parent, step in plan if "ORDER BY" in step and parent in looks]


@pytest.mark.parametrize(
    "wanted",
    [
        OperationFilter(limit=10),
        OperationFilter(limit=10, resource_prefix=COLLECTION),
        OperationFilter(limit=10, statuses=frozenset([OperationStatus.NOT_STARTED])),
        OperationFilter(limit=10, resource_prefix=f"{COLLECTION}jobs/1/"),
        OperationFilter(limit=10, resource_prefix=f"{COLLECTION}jobs/"),
    ],
)
async def test_p12_page_costs_the_same_however_much_is_stored(
    tmp_path: Path, wanted: OperationFilter
) -> None:
    _, client = scripted(answer(200))
    async with opened(tmp_path, client) as world:
        await accept(world, range(MANY))
        few = await steps_of(world, wanted)
        await accept(world, range(MANY, 3 * MANY))
        many = await steps_of(world, wanted)

    assert many <= 1.2 * few


async def accept(world: World, numbers: Sequence[int]) -> None:
    now = world.clock.now() + timedelta(days=1) + numbers[0] * SECOND
    operations = [new(f"a{n}", f"{COLLECTION}jobs/{n % 2}/", now) for n in numbers]
    await asyncio.gather(
        *(
            world.store.accept(
                Acceptance(operations=[one], caller="key", key=None, fingerprint="", now=now)
            )
            for one in operations
        )
    )


async def steps_of(world: World, wanted: OperationFilter) -> int:
    """Return how many instructions of its virtual machine SQLite took for a page."""

    def count(connection: Connection) -> int:
        driver = connection.connection.driver_connection
        assert driver is not None
        taken = 0

        def step() -> int:
            nonlocal taken
            taken += 1
            return 0

        driver.set_progress_handler(step, 1)
        page = find_page(connection, wanted)
        driver.set_progress_handler(None, 1)
        assert len(page.operations) == wanted.limit
        return taken

    return await world.database.read(count)
