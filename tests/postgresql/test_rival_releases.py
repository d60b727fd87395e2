"""What the release of many promises while another process ends what they have to wait for next."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from shared.client.memory import MemorySchedulerClient
from shared.connector.operations import NewOperation
from shared.connector.store import Acceptance, Recorded, Started
from shared.connector.stores.releases import RELEASED_AT_ONCE
from shared.messaging.wake_up import WakeUp
from tests.contracts.operation_store_steps import JOB, SUCCEEDED, new
from tests.contracts.scheduler_client import server_app
from tests.postgresql.rivals import rival_connectors
from tests.shared.connector.world import World

READERS = RELEASED_AT_ONCE + 50
LATE = f"r{READERS - 1}"
"""One of those that the transaction of the end does not release."""


@pytest.fixture
async def worlds(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[World]]:
    async with rival_connectors(
        postgres_url, tmp_path, MemorySchedulerClient(server_app)
    ) as worlds:
        yield worlds


class Hindrance:
    """Somebody who makes it wait to write down that one operation waits for another."""

    def __init__(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._connection = connection

    def begin(self, predecessor: str, successor: str) -> None:
        self._connection.execute("BEGIN")
        self._connection.execute(
            "INSERT INTO operation_waiting SELECT before.number, after.number"
            " FROM operation AS before, operation AS after WHERE before.id = %s AND after.id = %s",
            (predecessor, successor),
        )

    def end(self) -> None:
        self._connection.execute("ROLLBACK")

    def turn_around(self) -> None:
        """Store what waits in the opposite order."""
        self._connection.execute(
            "WITH gone AS (DELETE FROM operation_waiting RETURNING *)"
            " INSERT INTO operation_waiting SELECT * FROM gone ORDER BY successor DESC"
        )

    async def waiting(
        self, count: int, *, or_done: "asyncio.Future[Recorded] | None" = None
    ) -> None:
        """Wait until so many wait for a lock."""
        async with asyncio.timeout(20):
            while await asyncio.to_thread(self._waiting) < count:
                if or_done is not None and or_done.done():
                    return

    def _waiting(self) -> int:
        # A connection of its own: a transaction sees one state of the statistics.
        with psycopg.connect(self._connection.info.dsn) as connection:
            (row,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).fetchall()
        return int(row[0])


@pytest.fixture
def hindrance(postgres_url: str) -> Iterator[Hindrance]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield Hindrance(connection)


async def accept(world: World, *operations: NewOperation) -> None:
    await world.store.accept(
        Acceptance(
            operations=operations, caller="key", key=None, fingerprint="f", now=world.clock.now()
        )
    )


async def test_p2_what_waited_for_a_canceled_write_does_not_wait_for_one_that_has_ended(
    worlds: list[World], hindrance: Hindrance
) -> None:
    first, second = worlds
    now = first.clock.now()
    await accept(first, new("before", JOB, now))
    await accept(first, new("canceled", JOB, now))
    await accept(first, *(new(f"r{number}", JOB, now, is_read=True) for number in range(READERS)))
    started = await first.store.start(WakeUp("before", 0), now=now)
    assert isinstance(started, Started)

    hindrance.begin("before", LATE)
    canceling = asyncio.ensure_future(first.store.cancel("canceled", now=now))
    await hindrance.waiting(1)
    ending = asyncio.ensure_future(second.store.record(started.lease, SUCCEEDED, now=now))
    await hindrance.waiting(2, or_done=ending)
    hindrance.end()
    await asyncio.gather(canceling, ending)

    parked = "SELECT id FROM operation WHERE waits_for > 0 AND id <> 'canceled'"
    assert await first.rows(parked) == []
    assert await first.rows("SELECT count(*) FROM operation_waiting") == [(0,)]
    assert await first.rows("SELECT id FROM operation WHERE releasing_since IS NOT NULL") == []


async def test_p3_what_waited_is_released_in_the_order_of_acceptance(
    worlds: list[World], hindrance: Hindrance
) -> None:
    world = worlds[0]
    now = world.clock.now()
    await accept(world, new("a", JOB, now))
    await accept(world, *(new(f"r{number}", JOB, now, is_read=True) for number in range(20)))
    hindrance.turn_around()
    started = await world.store.start(WakeUp("a", 0), now=now)
    assert isinstance(started, Started)

    recorded = await world.store.record(started.lease, SUCCEEDED, now=now, goes_on=True)

    assert recorded.following is not None
    assert recorded.following.lease.id == "r0"
