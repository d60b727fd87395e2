"""Who ticks when: an engine that stays, and one on a timer that may be late."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.messaging.entities import EXECUTIONS
from shared.scheduler.engine import TIMER_HORIZON, ResidentEngine, Ticker
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.sql.database import Database, GroupWork, Item, Value, Work
from shared.sql.inline import InlineDatabase
from shared.wire.times import format_instant
from tests.clocks import START, FakeClock, settle
from tests.shared.scheduler.engine_stack import RUN_NOW_DELAY, EngineStack, open_engine
from tests.shared.scheduler.running import EVERY_MINUTE, FIRST_AT, MINUTE, SECOND, rows

TICK = timedelta(microseconds=1)
PERIOD = timedelta(seconds=30)
"""Of the timer."""


class Held:
    """A real database whose answers are held back until it is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_open = asyncio.Event()

    async def run(self, work: Work[Value]) -> Value:
        value = await self._database.run(work)
        await self.is_open.wait()
        return value

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        return await self._database.run_grouped(work, item)

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        return await self._database.read(query, is_short=is_short)

    async def close(self) -> None:
        await self._database.close()


@pytest.fixture
async def stack(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def far_sighted(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock, horizon=TIMER_HORIZON) as opened:
        yield opened


@asynccontextmanager
async def running(stack: EngineStack) -> AsyncIterator[ResidentEngine]:
    engine = ResidentEngine(stack.ticker, stack.clock)
    task = asyncio.create_task(engine.run())
    await settle()
    yield engine
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def claimed(stack: EngineStack) -> int:
    return len(await rows(stack, "SELECT id FROM execution"))


async def put_at(stack: EngineStack, duration: timedelta, name: str = "J") -> None:
    """Define a job that is due that much after now."""
    await stack.put(name, startTime=(stack.clock.now() + duration).isoformat())


async def test_p5_a_resident_engine_sleeps_until_the_next_occurrence_and_claims_it_then(
    stack: EngineStack,
) -> None:
    await put_at(stack, 0.7 * SECOND)
    await put_at(stack, 0.9 * SECOND, "other")

    async with running(stack):
        await stack.clock.advance(0.7 * SECOND - TICK)
        assert await claimed(stack) == 0
        await stack.clock.advance(TICK)
        assert await claimed(stack) == 1
        await stack.clock.advance(0.2 * SECOND)
        assert await claimed(stack) == 2


async def test_what_another_process_writes_is_claimed_within_a_second(stack: EngineStack) -> None:
    await put_at(stack, 60 * MINUTE, "known")
    async with running(stack):
        await stack.clock.advance(0.3 * SECOND)
        await put_at(stack, 0 * SECOND)

        await stack.clock.advance(0.7 * SECOND - TICK)
        assert await claimed(stack) == 0
        await stack.clock.advance(TICK)
        assert await claimed(stack) == 1


async def test_a_change_wakes_a_resident_engine(stack: EngineStack) -> None:
    async with running(stack) as engine:
        await put_at(stack, 0.5 * SECOND)
        await engine.planned(stack.clock.now() + 0.5 * SECOND)
        await settle()
        await stack.clock.advance(0.5 * SECOND)
        assert await claimed(stack) == 1

        await put_at(stack, 0 * SECOND, "other")
        await engine.planned(stack.clock.now())
        await settle()
        assert await claimed(stack) == 2


async def test_a_change_of_what_is_due_after_the_next_tick_wakes_nobody(stack: EngineStack) -> None:
    async with running(stack) as engine:
        # Seen if the engine ticks, which it has no reason to.
        await put_at(stack, 0 * SECOND)

        await engine.planned(stack.clock.now() + SECOND)
        await settle()

        assert await claimed(stack) == 0
        await engine.planned(stack.clock.now() + SECOND - TICK)
        await settle()
        assert await claimed(stack) == 1


async def test_a_change_of_what_is_beyond_a_timers_horizon_makes_no_tick(
    far_sighted: EngineStack,
) -> None:
    await put_at(far_sighted, 0 * SECOND)

    await far_sighted.ticker.planned(START + TIMER_HORIZON)
    assert await claimed(far_sighted) == 0
    await far_sighted.ticker.planned(START + TIMER_HORIZON - TICK)
    assert await claimed(far_sighted) == 1


async def test_a_change_during_a_tick_is_not_slept_through(stack: EngineStack) -> None:
    held = Held(stack.database)
    stack.ticker = Ticker(
        held, stack.claims, outgoing=stack.outgoing, clock=stack.clock, horizon=timedelta(0)
    )
    async with running(stack) as engine:
        await put_at(stack, 0 * SECOND)
        await engine.planned(stack.clock.now())
        await settle()
        assert await claimed(stack) == 0

        held.is_open.set()
        await settle()

        assert await claimed(stack) == 1


async def test_an_idle_engine_leaves_nothing_behind(stack: EngineStack) -> None:
    async with running(stack) as engine:
        for _ in range(5):
            await engine.planned(stack.clock.now())
            await stack.clock.advance(SECOND)
    await settle()

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_resident_engine_tries_again_a_second_after_the_database_was_busy(
    stack: EngineStack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await put_at(stack, 0.5 * SECOND)
    async with running(stack):
        with closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await stack.clock.advance(3 * SECOND)
            other.execute("ROLLBACK")
        assert await claimed(stack) == 0

        await stack.clock.advance(SECOND)

        assert await claimed(stack) == 1
    failed = [one for one in caplog.records if getattr(one, "action", None) == "tick"]
    assert [(one.levelname, one.exc_info) for one in failed] == [("WARNING", None)] * 3


async def test_a_bug_in_one_tick_does_not_stop_the_next(
    stack: EngineStack, caplog: pytest.LogCaptureFixture
) -> None:
    async def rename(old: str, new: str) -> None:
        await stack.database.run(
            lambda tx: tx.driver.execute(f"ALTER TABLE {old} RENAME TO {new}").rowcount
        )

    await put_at(stack, 0.5 * SECOND)
    async with running(stack):
        await rename("execution", "elsewhere")
        await stack.clock.advance(2 * SECOND)
        await rename("elsewhere", "execution")
        assert await claimed(stack) == 0

        await stack.clock.advance(SECOND)

        assert await claimed(stack) == 1
    failed = [one for one in caplog.records if getattr(one, "action", None) == "tick"]
    assert [one.levelname for one in failed] == ["ERROR"] * 2
    assert all(one.exc_info for one in failed)


async def test_p5_an_engine_on_a_timer_claims_ahead_and_the_queue_holds_the_wake_ups(
    far_sighted: EngineStack,
) -> None:
    stack = far_sighted
    await put_at(stack, MINUTE)
    await put_at(stack, TIMER_HORIZON + TICK, "later")

    await stack.ticker.tick()

    (message,) = await stack.broker.peek(EXECUTIONS, max_messages=10)
    assert message.message.scheduled_enqueue_time == START + MINUTE
    for _ in range(60):
        assert await stack.work() == 0
        await stack.clock.advance(SECOND)
    assert await stack.work() == 1


@pytest.mark.parametrize("drifts", [False, True])
async def test_p5_a_timer_that_is_25_s_late_fires_every_job_on_time(
    far_sighted: EngineStack, drifts: bool
) -> None:
    stack = far_sighted
    if drifts:
        await stack.put("J", recurrence=EVERY_MINUTE)
        first = START + RUN_NOW_DELAY
    else:
        await stack.put("J", startTime=FIRST_AT, recurrence=EVERY_MINUTE)
        first = START + MINUTE
    await stack.ticker.tick()

    for second in range(10 * 60):
        late = 25 * (second // 60 % 2)
        if second % 30 == late:
            await stack.ticker.tick()
        await stack.work()
        await stack.clock.advance(SECOND)

    times = [record.start_time for record in reversed(await stack.history("J"))]
    assert times == [first + number * MINUTE for number in range(len(times))]
    assert len(times) >= 9


async def test_a_tick_after_a_change_claims_what_is_due_before_the_timer(
    far_sighted: EngineStack,
) -> None:
    stack = far_sighted
    await stack.put("J")

    await stack.ticker.tick()

    await stack.clock.advance(RUN_NOW_DELAY)
    assert await stack.work() == 1
    assert PERIOD > RUN_NOW_DELAY


async def test_an_engine_on_a_timer_leaves_what_is_beyond_its_horizon(
    far_sighted: EngineStack,
) -> None:
    await put_at(far_sighted, TIMER_HORIZON + TICK)

    following = await far_sighted.ticker.tick()

    assert following == START + TIMER_HORIZON + TICK
    assert await claimed(far_sighted) == 0


async def test_what_a_tick_tells_is_sent_with_it(stack: EngineStack) -> None:
    await stack.put("a", startTime=FIRST_AT, recurrence=EVERY_MINUTE)
    await stack.outgoing.send()
    stack.clock.set(START + 10 * MINUTE)

    await stack.ticker.tick()

    assert await rows(stack, "SELECT count(*) FROM outgoing") == [(0,)]
    assert [event.type for event in await stack.told()] == ["tocsin.execution.skipped"]


async def test_a_broker_that_fails_keeps_no_tick_from_its_next(
    stack: EngineStack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await stack.put("a", startTime=FIRST_AT, recurrence=EVERY_MINUTE)
    stack.clock.set(START + 10 * MINUTE)
    closed = InlineDatabase(tmp_path / "tocsin.db")
    await closed.close()
    outgoing = Outgoing(closed, SqlOutgoing(), stack.broker)
    ticker = Ticker(
        stack.database, stack.claims, outgoing=outgoing, clock=stack.clock, horizon=timedelta(0)
    )

    following = await ticker.tick()

    assert following == START + 11 * MINUTE
    assert "events are sent later" in caplog.text


async def test_an_engine_looks_every_second_also_when_the_clock_is_set_back(
    stack: EngineStack,
) -> None:
    async with running(stack):
        await stack.clock.advance(TICK)
        stack.clock.set(START - timedelta(hours=1))
        await stack.put("a", startTime=format_instant(stack.clock.now() + SECOND))

        await stack.clock.advance(2 * SECOND)

        assert await rows(stack, "SELECT count(*) FROM execution") == [(1,)]
