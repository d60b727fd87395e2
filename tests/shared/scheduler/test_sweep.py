"""What sweep finds again, and what is forgotten after sixty days."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.clock import to_microseconds
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.messaging.entities import EXECUTIONS, HISTORY
from shared.messaging.steps import AT_ONCE
from shared.scheduler.stores.tables import LEASE
from shared.scheduler.sweep import RETENTION, Sweep
from shared.sql.database import Database, GroupWork, Item, Transaction, Value, Work
from shared.wire.job import JobState
from tests.clocks import START, FakeClock
from tests.shared.connector.killing import Killed
from tests.shared.scheduler.engine_stack import FAILED, OK, EngineStack, open_engine
from tests.shared.scheduler.running import (
    EVERY_MINUTE,
    FIRST_AT,
    MINUTE,
    SECOND,
    action,
    change,
    rows,
)

TABLES = ("history", "skipped", "execution", "job", "job_timing")


class Measured:
    """A real database that remembers how many rows each transaction changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.changes: list[int] = []

    async def run(self, work: Work[Value]) -> Value:
        def measured(tx: Transaction) -> Value:
            before = tx.driver.total_changes
            value = work(tx)
            self.changes.append(tx.driver.total_changes - before)
            return value

        return await self._database.run(measured)

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        return await self._database.run_grouped(work, item)

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        return await self._database.read(query, is_short=is_short)

    async def close(self) -> None:
        await self._database.close()


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        yield opened


async def lose_wake_ups(engine: EngineStack) -> None:
    receiver = engine.broker.receiver(EXECUTIONS)
    while messages := await receiver.receive(max_messages=9, max_wait=timedelta(0)):
        for message in messages:
            await receiver.complete(message)


async def sweep(engine: EngineStack) -> int:
    return await engine.sweep.run_once(engine.clock.now())


async def prune(engine: EngineStack) -> int:
    return await engine.sweep.prune(engine.clock.now())


async def counts(engine: EngineStack) -> dict[str, int]:
    found = {}
    for table in TABLES:
        ((found[table],),) = await rows(engine, f"SELECT count(*) FROM {table}")
    return found


async def test_p7_an_execution_whose_wake_up_was_lost_is_woken_a_minute_later(
    engine: EngineStack,
) -> None:
    await engine.put("J", startTime=FIRST_AT)
    await engine.clock.advance(MINUTE)
    await engine.ticker.tick()
    await lose_wake_ups(engine)

    await engine.clock.advance(MINUTE - SECOND)
    assert (await sweep(engine), await engine.work()) == (0, 0)
    await engine.clock.advance(SECOND)
    assert (await sweep(engine), await engine.work()) == (1, 1)

    assert [one.execution_id for one in engine.action.attempts] == ["x1"]


async def test_p7_an_attempt_whose_process_died_is_made_again_after_its_lease(
    engine: EngineStack,
) -> None:
    async def die() -> None:
        raise Killed

    engine.action.meanwhile = [die]
    await engine.put("J", startTime=FIRST_AT)
    with pytest.raises(Killed):
        await engine.step(MINUTE)

    await engine.clock.advance(LEASE - SECOND)
    assert await sweep(engine) == 0
    await engine.clock.advance(SECOND)
    assert await sweep(engine) == 1
    await engine.work()

    assert [one.execution_id for one in engine.action.attempts] == ["x1", "x1"]
    assert [record.retry_count for record in await engine.history("J")] == [0]


async def test_p7_the_sole_owner_frees_the_leases_of_a_dead_process(engine: EngineStack) -> None:
    async def die() -> None:
        raise Killed

    engine.action.meanwhile = [die]
    await engine.put("J", startTime=FIRST_AT)
    with pytest.raises(Killed):
        await engine.step(MINUTE)

    assert await engine.sweep.free_leases(engine.clock.now()) == 1
    assert await sweep(engine) == 1
    await engine.work()

    assert len(await engine.history("J")) == 1


async def test_p7_what_was_not_told_is_told(engine: EngineStack) -> None:
    told = CloudEvent(id="e", source="/subscriptions/s", type=EventType.JOB_CREATED)
    await engine.database.run(lambda tx: engine.outgoing.insert(tx, [told]))
    assert await engine.broker.peek(HISTORY) == []

    await sweep(engine)

    assert len(await engine.broker.peek(HISTORY)) == 1
    assert await rows(engine, "SELECT * FROM outgoing") == []


async def test_everything_is_forgotten_sixty_days_after_its_end_and_not_before(
    engine: EngineStack,
) -> None:
    await engine.put("missed", startTime=FIRST_AT, recurrence={**EVERY_MINUTE, "count": 1})
    await engine.put("failed", startTime=FIRST_AT, action=action())
    engine.action.outcomes = [OK, FAILED]
    await engine.step(3 * MINUTE)
    assert (await engine.job("missed")).state is JobState.COMPLETED
    assert (await engine.job("failed")).state is JobState.FAULTED
    full = {"history": 2, "skipped": 1, "execution": 2, "job": 2, "job_timing": 2}
    assert await counts(engine) == full

    await engine.clock.advance(RETENTION)
    assert await prune(engine) == 1  # the missed occurrences are a minute older than the rest
    assert await counts(engine) == {**full, "skipped": 0}
    await engine.clock.advance(timedelta(microseconds=1))
    assert await prune(engine) == 6
    assert set((await counts(engine)).values()) == {0}


async def test_what_goes_on_stays_however_old_it_is(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    for name, state in (("J", "enabled"), ("off", "disabled")):
        await engine.put(
            name,
            startTime=FIRST_AT,
            recurrence={"frequency": "week", "interval": 1},
            action=action(retries=1, every="180.00:00:00"),
            state=state,
        )
    await engine.step(MINUTE)
    await engine.step(timedelta(weeks=1))
    assert await rows(engine, "SELECT is_open FROM skipped") == [(1,)]
    left = await counts(engine)

    await change(engine, "UPDATE job_timing SET next_occurrence = NULL")
    await engine.clock.advance(timedelta(days=100))
    await prune(engine)

    # The first attempt is forgotten, and the occurrence that was skipped beside it has ended.
    assert await counts(engine) == {**left, "history": 0, "execution": 1}
    await engine.clock.advance(timedelta(days=80))
    await sweep(engine)
    await engine.work()
    assert await rows(engine, "SELECT is_open FROM skipped") == [(0,)]
    assert len(await engine.history("J")) == 1


async def test_p12_what_is_old_is_forgotten_a_few_rows_at_a_time(engine: EngineStack) -> None:
    await engine.put("J", startTime=FIRST_AT)
    await engine.step(MINUTE)
    jobs, records = AT_ONCE + 100, 3
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {jobs})"
    for statement in (
        " INSERT INTO job SELECT i, 1, 'j' || i, 'J' || i, state, definition, 0 FROM job, n",
        " INSERT INTO job_timing (job_id, generation, ended_at)"
        " SELECT i, 1, ended_at FROM job_timing, n",
    ):
        await change(engine, numbers + statement)
    for _ in range(records):
        await change(
            engine,
            "INSERT INTO history SELECT NULL, job.id, execution_id, occurrence, started_at,"
            " ended_at, history.state, status, action_name, repeat_count, retry_count, message"
            " FROM job JOIN history ON history.id = 1",
        )
    await engine.clock.advance(RETENTION + SECOND)
    measured = Measured(engine.database)

    pruned = await Sweep(measured, engine.store, engine.outgoing).prune(engine.clock.now())

    assert pruned == 1 + records * jobs + 1 + jobs
    assert set((await counts(engine)).values()) == {0}
    # A job takes its timing along, and none of its records.
    assert max(measured.changes) <= 2 * AT_ONCE


async def test_executions_and_ranges_are_forgotten_a_few_rows_at_a_time(
    engine: EngineStack,
) -> None:
    await engine.put("J", startTime="2027-01-01T00:00:00Z")
    at = to_microseconds(START)
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {AT_ONCE + 1})"
    )
    for statement in (
        f" INSERT INTO skipped (job_id, reason, first, last, is_open)"
        f" SELECT 1, 'missed', {at}, {at}, 0 FROM n",
        " INSERT INTO execution (id, job_id, generation, origin, occurrence, subscription,"
        " cloud_service, job_collection, job, state, action_name, ended_at)"
        f" SELECT i, 1, 1, 'schedule', i, 's', 'c', 'j', 'J', 'succeeded', 'MainAction', {at} FROM n",
    ):
        await change(engine, numbers + statement)
    await engine.clock.advance(RETENTION + SECOND)
    measured = Measured(engine.database)

    assert await Sweep(measured, engine.store, engine.outgoing).prune(engine.clock.now()) == 2 * (
        AT_ONCE + 1
    )

    assert max(measured.changes) == AT_ONCE
    assert (await counts(engine))["job"] == 1
