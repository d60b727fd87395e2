"""Attempts from the wake-up to what is told of them, with whatever can come between."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import TOCSIN_QUEUES
from shared.scheduler.action import Outcome
from shared.scheduler.limits import Limits
from shared.sql.database import Database, GroupWork, Item, Value, Work
from shared.sql.inline import InlineDatabase
from shared.wire.job import JobState
from tests.clocks import START, FakeClock, settle
from tests.shared.scheduler.engine_stack import (
    FAILED,
    EngineStack,
    build_stack,
    migrated,
    open_engine,
)
from tests.shared.scheduler.running import (
    MINUTE,
    SECOND,
    BugError,
    action,
    amend,
    break_down,
    ids,
    put_once,
    put_recurring,
    rows,
    wake,
)

HALF = timedelta(seconds=30)
LEASE = timedelta(seconds=90)


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        yield opened


async def lose_an_attempt(stack: EngineStack) -> None:
    """Begin an attempt that leaves no record, and find it again after its lease."""
    stack.action.meanwhile = [break_down]
    with pytest.raises(BugError):
        await stack.work()
    await stack.clock.advance(LEASE)
    await stack.sweep.run_once(stack.clock.now())


async def test_an_attempt_knows_what_it_is_of(engine: EngineStack) -> None:
    await put_once(engine)

    await engine.step(MINUTE)

    (attempt,) = engine.action.attempts
    assert (attempt.execution_id, attempt.number) == ("x1", 1)
    assert (attempt.subscription, attempt.cloud_service) == ("s1", "Cs1")
    assert (attempt.job_collection, attempt.job, attempt.region) == ("Jc1", "J", "West Europe")
    assert attempt.expected_time == START + MINUTE
    assert attempt.action == action()


async def test_what_an_attempt_tells_is_on_its_way_when_its_wake_up_is_done(
    engine: EngineStack,
) -> None:
    await put_once(engine)

    await engine.step(MINUTE)

    assert await rows(engine, "SELECT count(*) FROM outgoing") == [(0,)]
    assert ids(await engine.told()) == ["x1/MainAction/0", "x1/end", "x1/completed"]


async def test_p5_a_wake_up_that_comes_early_waits(engine: EngineStack, clock: FakeClock) -> None:
    await put_once(engine)
    await clock.advance(MINUTE)
    await engine.ticker.tick()
    clock.set(START + HALF)

    waiting = asyncio.create_task(wake(engine, "x1"))
    await clock.advance(HALF - SECOND)
    assert engine.action.attempts == []
    await clock.advance(SECOND)
    await waiting

    assert [one.start_time for one in await engine.history("J")] == [START + MINUTE]


async def test_p5_two_wake_ups_at_once_begin_one_attempt(engine: EngineStack) -> None:
    async def wake_again() -> None:
        for attempt in (0, 1, 2):
            await wake(engine, "x1", attempt=attempt)

    engine.action.meanwhile = [wake_again]
    await put_once(engine)

    await engine.step(MINUTE)

    assert len(engine.action.attempts) == 1
    assert ids(await engine.told()) == ["x1/MainAction/0", "x1/end", "x1/completed"]


async def test_p7_an_attempt_that_left_no_record_is_repeated_under_its_key(
    engine: EngineStack,
) -> None:
    await put_once(engine)
    await engine.clock.advance(MINUTE)
    await engine.ticker.tick()
    await lose_an_attempt(engine)

    await engine.work()

    first, second = engine.action.attempts
    assert first == second
    (record,) = await engine.history("J")
    assert (record.retry_count, record.start_time) == (0, START + MINUTE + LEASE)
    assert (await engine.job("J")).state is JobState.COMPLETED


async def test_an_attempt_that_was_lost_four_times_is_recorded_as_failed(
    engine: EngineStack, caplog: pytest.LogCaptureFixture
) -> None:
    await put_once(engine, does=action(retries=1, every="00:00:40"))
    await engine.clock.advance(MINUTE)
    await engine.ticker.tick()
    for _ in range(4):
        await lose_an_attempt(engine)

    await engine.work()

    assert len(engine.action.attempts) == 4
    (record,) = await engine.history("J")
    assert record.message.startswith("AttemptLost: ")
    assert (record.status, record.retry_count) == ("failed", 0)
    assert [one.message for one in caplog.records if one.levelno == logging.WARNING] == [
        "attempt given up"
    ]
    await engine.step(timedelta(seconds=40))
    assert [one.number for one in engine.action.attempts] == [1, 1, 1, 1, 2]
    assert (await engine.job("J")).state is JobState.COMPLETED


async def test_p7_who_comes_back_after_the_lease_leaves_no_record(
    engine: EngineStack, caplog: pytest.LogCaptureFixture
) -> None:
    """The first attempt takes so long that another one begins, which ends first."""

    async def be_late() -> None:
        await engine.clock.advance(LEASE)
        await wake(engine, "x1", attempt=1)

    engine.action.meanwhile = [be_late]
    engine.action.outcomes = [FAILED]
    await put_once(engine, does=action(retries=1))
    await engine.clock.advance(MINUTE)
    await engine.ticker.tick()

    await wake(engine, "x1")

    assert len(engine.action.attempts) == 2
    assert len(await engine.history("J")) == 1
    assert ids(await engine.told()) == ["x1/MainAction/0"]
    (warning,) = [one for one in caplog.records if "not the present one" in one.message]
    assert warning.message == "attempt 1 of x1 is not the present one"


async def test_a_deleted_job_lets_its_attempt_end_and_tells_of_it(engine: EngineStack) -> None:
    engine.action.meanwhile = [lambda: engine.delete("J")]
    engine.action.outcomes = [FAILED]
    await put_once(engine, does=action(retries=1, has_error_action=True))

    await engine.step(MINUTE)
    await engine.step(MINUTE)

    assert len(engine.action.attempts) == 1
    assert ids(await engine.told()) == ["x1/MainAction/0", "x1/end"]
    assert await rows(engine, "SELECT count(*) FROM history") == [(0,)]
    assert await rows(engine, "SELECT state FROM execution") == [("failed",)]


async def test_a_job_that_is_made_again_has_nothing_of_the_attempt_of_the_deleted_one(
    engine: EngineStack,
) -> None:
    async def make_again() -> None:
        await engine.delete("J")
        await put_once(engine)

    engine.action.meanwhile = [make_again]
    await put_once(engine)

    await engine.step(MINUTE)
    assert (await engine.job("J")).state is JobState.ENABLED
    await engine.step()

    assert len(await engine.history("J")) == 1
    assert (await engine.job("J")).status.execution_count == 1


async def test_a_job_that_is_put_while_its_attempt_runs_keeps_the_record_and_no_count(
    engine: EngineStack,
) -> None:
    async def put_again() -> None:
        await engine.clock.advance(SECOND)
        await put_recurring(engine, does=action(retries=1))

    engine.action.meanwhile = [put_again]
    engine.action.outcomes = [FAILED]
    await put_recurring(engine, does=action(retries=1))

    await engine.step(MINUTE)
    job = await engine.job("J")
    assert (job.status.execution_count, job.status.last_execution_time) == (0, None)
    await engine.step(MINUTE)

    assert [one.repeat_count for one in await engine.history("J")] == [1, 1]
    assert (await engine.job("J")).status.execution_count == 1
    assert [one.execution_id for one in engine.action.attempts] == ["x1", "x2"]
    assert ids(await engine.told()) == ["x1/MainAction/0", "x1/end", "x2/MainAction/0", "x2/end"]


async def test_a_job_that_is_patched_while_its_attempt_runs_goes_on_counting(
    engine: EngineStack,
) -> None:
    """The occurrence is not one of those whose retries were all used up."""
    engine.action.meanwhile = [lambda: engine.patch("J", startTime="2026-01-01T12:05:00Z")]
    engine.action.outcomes = [FAILED]
    await put_recurring(engine, does=action(retries=1), count=2)

    await engine.step(MINUTE)
    status = (await engine.job("J")).status
    assert (status.execution_count, status.failure_count, status.faulted_count) == (1, 1, 0)
    await engine.step(4 * MINUTE)

    assert (await engine.job("J")).status.execution_count == 2
    assert (await engine.job("J")).state is JobState.COMPLETED


async def test_a_job_that_is_disabled_while_its_attempt_runs_gets_no_retry(
    engine: EngineStack,
) -> None:
    engine.action.meanwhile = [lambda: engine.patch("J", state="disabled")]
    engine.action.outcomes = [FAILED]
    await put_once(engine, does=action(retries=1, has_error_action=True))

    await engine.step(MINUTE)

    assert ids(await engine.told()) == ["x1/MainAction/0", "x1/end"]
    await engine.step(MINUTE)
    assert len(engine.action.attempts) == 1
    assert len(await engine.history("J")) == 1
    assert (await engine.job("J")).state is JobState.DISABLED
    assert await rows(engine, "SELECT state FROM execution") == [("failed",)]


async def test_a_lost_attempt_of_a_deleted_job_is_not_repeated(engine: EngineStack) -> None:
    await put_once(engine)
    await engine.clock.advance(MINUTE)
    await engine.ticker.tick()
    await lose_an_attempt(engine)
    await engine.delete("J")

    await engine.work()

    assert len(engine.action.attempts) == 1
    assert ids(await engine.told()) == ["x1/end"]


async def test_a_lost_attempt_of_a_job_that_was_put_leaves_the_new_occurrences_alone(
    engine: EngineStack,
) -> None:
    await put_once(engine)
    await engine.clock.advance(MINUTE)
    await engine.ticker.tick()
    await lose_an_attempt(engine)
    await engine.put("J")

    await engine.work()
    await engine.step(timedelta(seconds=20))

    assert [one.execution_id for one in engine.action.attempts] == ["x1", "x2"]
    assert ids(await engine.told()) == ["x1/end", "x2/MainAction/0", "x2/end", "x2/completed"]


async def test_a_job_goes_on_when_its_error_action_is_taken_away_before_it_ran(
    engine: EngineStack,
) -> None:
    engine.action.outcomes = [FAILED] * 3
    does = action(retries=1, every="00:00:40", has_error_action=True)
    await put_recurring(engine, does=does, endTime="2026-01-01T12:03:00Z")
    for _ in range(10):
        await engine.step(10 * SECOND)
    await amend(engine, "J", action=action())

    for _ in range(8):
        await engine.step(10 * SECOND)

    assert [one.execution_id for one in engine.action.attempts] == ["x1"] * 3 + ["x3"]
    assert await rows(engine, "SELECT id, state FROM execution") == [
        ("x1", "failed"),
        ("x2", "skipped"),
        ("x3", "succeeded"),
    ]
    assert (await engine.job("J")).state is JobState.COMPLETED


async def test_a_job_ends_when_the_error_action_of_its_last_occurrence_is_taken_away(
    engine: EngineStack,
) -> None:
    engine.action.outcomes = [FAILED] * 3
    await put_once(engine, does=action(retries=1, has_error_action=True))
    for _ in range(3):
        await engine.step(HALF)
    await amend(engine, "J", action=action())

    await engine.step(HALF)

    assert (await engine.job("J")).state is JobState.FAULTED
    assert ids(await engine.told())[-2:] == ["x1/end", "x1/faulted"]


class LateDatabase:
    """Runs grouped work when the test says so, whether or not anybody still waits for it."""

    def __init__(self, database: Database, gate: asyncio.Event) -> None:
        self._database = database
        self._gate = gate

    async def run(self, work: Work[Value]) -> Value:
        return await self._database.run(work)

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        return await asyncio.shield(asyncio.ensure_future(self._run_late(work, item)))

    async def _run_late(self, work: GroupWork[Item, Value], item: Item) -> Value:
        await self._gate.wait()
        return await self._database.run_grouped(work, item)

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        return await self._database.read(query, is_short=is_short)

    async def close(self) -> None:
        await self._database.close()


async def test_no_place_is_taken_for_who_was_cancelled_before(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The transaction happens after the task that asked for it has gone; the execution starts all the same."""
    gate = asyncio.Event()
    limits = Limits(attempts_per_host=1, starts_per_second=1000)
    database = InlineDatabase(migrated(tmp_path))
    broker = EmbeddedBroker(database, clock=clock, queues=TOCSIN_QUEUES)
    late = LateDatabase(database, gate)
    engine = build_stack(late, clock, broker=broker, limits=limits)
    await engine.prepare()
    await put_once(engine)
    await clock.advance(MINUTE)
    await engine.ticker.tick()
    cancelled = asyncio.create_task(wake(engine, "x1"))
    await settle()
    cancelled.cancel()
    await asyncio.wait([cancelled])
    gate.set()
    await settle()

    await engine.work()

    assert [one.start_time for one in await engine.history("J")] == [START + MINUTE]
    await broker.close()
    await database.close()


async def test_p8_a_failed_attempt_is_logged_without_what_the_target_said(
    engine: EngineStack, caplog: pytest.LogCaptureFixture
) -> None:
    await put_once(engine, "J")
    engine.action.outcomes = [
        Outcome(is_success=False, message="s3cr3t of the target", reason="HTTP 500")
    ]

    await engine.step(MINUTE)

    (said,) = [one for one in caplog.records if one.message == "attempt failed"]
    assert vars(said)["job"] == "/cloudservices/Cs1/jobcollections/Jc1/jobs/J"
    assert (vars(said)["action_name"], vars(said)["retry_count"]) == ("MainAction", 0)
    assert vars(said)["reason"] == "HTTP 500"
    assert "s3cr3t" not in caplog.text
