"""The SQL store against the contract, on both databases, and what only SQL can show."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.client.memory import MemorySchedulerClient
from shared.clock import SystemClock
from shared.connector.operations import ReplyTo
from shared.connector.stores.releases import RELEASED_AT_ONCE
from shared.messaging.entities import OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.sqlite import SqliteDatabase
from tests.clocks import FakeClock, settle
from tests.contracts.operation_store import OperationStoreContract
from tests.contracts.operation_store_steps import JOB, SUCCEEDED, new
from tests.contracts.scheduler_client import server_app
from tests.shared.connector.killing import Countdown, Killed, MortalDatabase
from tests.shared.connector.world import World, assemble, migrated

DERIVED = {"CONSTANT", "above", "below", "found"}
"""What a plan says of rows that are stored nowhere."""


class SqlWorld:
    """The store of a world, whose wake-ups nobody else takes."""

    def __init__(self, world: World) -> None:
        self.clock = world.clock
        self.store = world.store
        self.world = world

    async def wake_ups(self) -> list[WakeUp]:
        # What is due becomes visible by transactions of the broker's own; requests are served in their order.
        for _ in range(3):
            await settle()
            await self.world.database.run(lambda _: None)
        receiver = self.world.broker.receiver(OPERATIONS)
        taken = await receiver.receive(max_messages=1000, max_wait=timedelta())
        for message in taken:
            await receiver.complete(message)
        return [WakeUp.decode(message.message.body) for message in taken]

    async def event_ids(self) -> list[str]:
        return [row[0] for row in await self.world.rows("SELECT id FROM event ORDER BY position")]

    async def replies(self) -> list[tuple[str, ReplyTo]]:
        rows = await self.world.rows(
            "SELECT event, queue, session_id, correlation_id FROM operation_reply ORDER BY number"
        )
        return [
            (
                json.loads(event)["id"],
                ReplyTo(queue=queue, session_id=session, correlation_id=known),
            )
            for event, queue, session, known in rows
        ]

    async def keys(self) -> int:
        ((count,),) = await self.world.rows("SELECT count(*) FROM request_key")
        return int(count)


class SqlStoreContract(OperationStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def over(self, database: Database) -> AsyncIterator[SqlWorld]:
        world = assemble(database, MemorySchedulerClient(server_app), FakeClock())
        yield SqlWorld(world)
        await world.broker.close()
        await database.close()


class TestSqlOperationStoreInline(SqlStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlWorld]:
        async with self.over(InlineDatabase(migrated(self.folder))) as world:
            yield world

    async def test_p8_sealed_body_is_gone_after_the_end(self) -> None:
        async with self.open() as world:
            await self.accept(world, ("a", JOB))
            (wake_up,) = await world.wake_ups()
            await self.end(world, wake_up)

            assert await world.world.rows("SELECT sealed_body FROM operation") == [(None,)]

    @pytest.mark.parametrize("dies_at", range(1, 6))
    async def test_p7_sweep_releases_what_a_crash_left_parked(self, dies_at: int) -> None:
        countdown = Countdown()
        database = InlineDatabase(migrated(self.folder))
        mortal = MortalDatabase(database, countdown)
        world = assemble(
            database, MemorySchedulerClient(server_app), FakeClock(), seen=lambda _: mortal
        )
        sql_world = SqlWorld(world)
        now = world.clock.now()
        readers = [f"r{number:03}" for number in range(2 * RELEASED_AT_ONCE)]
        await self.accept(sql_world, ("a", JOB))
        await self.accept(sql_world, *(new(name, JOB, now, is_read=True) for name in readers))
        (wake_up,) = await sql_world.wake_ups()
        started = await self.start(sql_world, wake_up)

        countdown.left = dies_at
        with pytest.raises(Killed):
            await world.store.record(started.lease, SUCCEEDED, now=now)
        woken = await self.woken(sql_world)
        assert len(woken) == RELEASED_AT_ONCE * (1 if dies_at < 3 else 2)
        await world.store.sweep(now=now)

        assert woken + await self.woken(sql_world) == readers
        assert await world.rows("SELECT releasing_since FROM operation WHERE id = 'a'") == [(None,)]
        await world.broker.close()
        await database.close()

    async def test_an_end_is_one_change_of_a_row_and_so_is_the_start_of_what_follows(self) -> None:
        async with self.open() as world:
            await self.accept(world, ("a", JOB), ("b", JOB))
            (wake_up,) = await world.wake_ups()
            started = await self.start(world, wake_up)
            asked: list[str] = []
            await world.world.database.run(lambda tx: tx.driver.set_trace_callback(asked.append))

            await world.store.record(started.lease, SUCCEEDED, now=world.clock.now(), goes_on=True)

            of_operations = [
                one for one in asked if "FROM operation " in one or "operation SET" in one
            ]
            assert len(of_operations) == 2

    async def test_p12_nothing_scans_what_is_stored(self) -> None:
        """Ended operations are many; what runs often must find its few rows by an index."""
        async with self.open() as world:
            plans = await world.world.database.read(plans_of_hot_statements)

        assert plans
        assert not [
            plan
            for plan in plans
            if plan.startswith("SCAN") and "INDEX" not in plan and plan.split()[1] not in DERIVED
        ]


class TestSqlOperationStoreGrouped(SqlStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlWorld]:
        async with self.over(SqliteDatabase(migrated(self.folder), clock=SystemClock())) as world:
            yield world


def plans_of_hot_statements(connection: Connection) -> list[str]:
    from shared.connector.stores import statements
    from shared.connector.stores.starting import start_released

    hot = (
        statements.find_key,
        statements.find_predecessors,
        start_released,
        statements.end,
        statements.cancel,
        statements.find_before,
        statements.release,
        statements.forget_waiting,
        statements.set_releasing,
        statements.releasing,
        statements.get,
        statements.prune_operations,
        statements.prune_keys,
    )
    found: list[str] = []
    for statement in hot:
        text, names, _ = statement._for(connection.dialect)
        query = f"EXPLAIN QUERY PLAN {text}"
        rows = connection.exec_driver_sql(query, (1,) * len(names or ()))
        found += [row[3] for row in rows]
    return found
