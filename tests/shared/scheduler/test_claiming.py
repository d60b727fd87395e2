"""One transaction of claims: what it takes, in which order, and what it does about a job that it cannot claim."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.events.event_types import EventType
from shared.messaging.steps import AT_ONCE
from shared.scheduler.claiming import Tick
from shared.wire.job import JobState
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import (
    FAILED,
    JOB,
    RUN_NOW_DELAY,
    EngineStack,
    open_engine,
)
from tests.shared.scheduler.running import (
    EVERY_MINUTE,
    FIRST_AT,
    MINUTE,
    SECOND,
    action,
    change,
    ids,
    rows,
)

CLAIMED = "SELECT job, occurrence FROM execution ORDER BY rowid"
UNPLANNED = (
    "UPDATE job_timing SET generation = 0, counted_from = 0, frequency = NULL, anchor = NULL,"
    " drifts = 0, count = NULL, next_occurrence = 0"
)


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        yield opened


async def claim(engine: EngineStack, *, horizon: timedelta = timedelta(0)) -> Tick:
    now = engine.clock.now()
    return await engine.database.run(
        lambda tx: engine.claims.claim(tx, now=now, until=now + horizon)
    )


async def put_many(engine: EngineStack, number: int) -> None:
    """Add copies of the job `J`."""
    await change(
        engine,
        f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {number})"
        " INSERT INTO job SELECT i, 1, 'j' || i, 'J' || i, state, definition, 0 FROM job, n",
    )
    columns = "generation, counted_from, frequency, interval, anchor, next_occurrence"
    await change(
        engine,
        f"INSERT INTO job_timing (job_id, {columns})"
        f" SELECT id, {columns} FROM job, job_timing WHERE id > 1",
    )


def minutes(rows: list[tuple[Any, ...]]) -> list[tuple[str, float]]:
    return [
        (name, (datetime.fromtimestamp(at / 1e6, START.tzinfo) - START) / MINUTE)
        for name, at in rows
    ]


async def test_what_is_due_is_claimed_earliest_first_and_the_next_occurrence_is_told(
    engine: EngineStack,
) -> None:
    for name, seconds in (("later", 59), ("first", 57), ("second", 58), ("not yet", 61)):
        start = (START + seconds * SECOND).isoformat()
        await engine.put(name, startTime=start, recurrence=EVERY_MINUTE)
    await engine.clock.advance(MINUTE)

    tick = await claim(engine)

    assert [row[0] for row in await rows(engine, CLAIMED)] == ["first", "second", "later"]
    assert tick == Tick(has_told=False, is_last=True, next_occurrence=START + 61 * SECOND)
    assert (await engine.job("first")).status.next_execution_time == START + 57 * SECOND
    assert await claim(engine) == tick
    assert len(await rows(engine, CLAIMED)) == 3


async def test_nothing_is_claimed_where_nothing_is_planned(engine: EngineStack) -> None:
    assert await claim(engine) == Tick(has_told=False, is_last=True, next_occurrence=None)


async def test_p12_one_transaction_claims_no_more_than_500(engine: EngineStack) -> None:
    await engine.put("J", startTime=FIRST_AT, recurrence=EVERY_MINUTE)
    await put_many(engine, 2 * AT_ONCE)
    await engine.clock.advance(MINUTE)

    for done in (1, 2):
        assert await claim(engine) == Tick(has_told=False, is_last=False)
        assert await rows(engine, "SELECT count(*) FROM execution") == [(done * AT_ONCE,)]
    assert await claim(engine) == Tick(
        has_told=False, is_last=True, next_occurrence=START + 2 * MINUTE
    )
    assert await rows(engine, "SELECT count(DISTINCT job_id) FROM execution") == [(2 * AT_ONCE,)]


async def test_a_tick_goes_on_until_nothing_is_due(engine: EngineStack) -> None:
    await engine.put("J", startTime=FIRST_AT, recurrence=EVERY_MINUTE)
    await put_many(engine, 2 * AT_ONCE + 1)
    await engine.clock.advance(MINUTE)

    assert await engine.ticker.tick() == START + 2 * MINUTE

    assert await rows(engine, "SELECT count(*) FROM execution") == [(2 * AT_ONCE + 1,)]


async def test_a_horizon_claims_ahead_and_the_tick_is_not_the_last_while_more_is_within_it(
    engine: EngineStack,
) -> None:
    await engine.put("J", startTime=FIRST_AT, recurrence=EVERY_MINUTE)
    horizon = 2.5 * MINUTE

    assert await claim(engine, horizon=horizon) == Tick(
        has_told=False, is_last=False, next_occurrence=START + 2 * MINUTE
    )
    assert await claim(engine, horizon=horizon) == Tick(
        has_told=False, is_last=True, next_occurrence=START + 3 * MINUTE
    )

    assert minutes(await rows(engine, CLAIMED)) == [("J", 1), ("J", 2)]
    assert (await engine.job("J")).status.next_execution_time == START + MINUTE


async def test_an_execution_is_claimed_with_what_names_it(engine: EngineStack) -> None:
    await engine.put("J", startTime=FIRST_AT)
    await engine.clock.advance(MINUTE)

    await claim(engine)

    names = "subscription, cloud_service, job_collection, job, job_id, generation, origin, state"
    assert await rows(engine, f"SELECT {names} FROM execution") == [
        ("s1", "Cs1", "Jc1", "J", 1, 1, "schedule", "claimed")
    ]
    assert await rows(engine, "SELECT claimed, outstanding FROM job_timing") == [(1, 1)]


async def test_p5_what_was_missed_is_a_range_with_its_reason_and_the_latest_runs(
    engine: EngineStack,
) -> None:
    await engine.put("J", startTime=FIRST_AT, recurrence=EVERY_MINUTE)
    await engine.put("once", startTime=FIRST_AT)
    await engine.clock.advance(5.5 * MINUTE)

    await claim(engine)

    assert minutes(await rows(engine, CLAIMED)) == [("J", 5), ("once", 1)]
    (told,) = await engine.told()
    assert told.id == "/cloudservices/Cs1/jobcollections/Jc1/jobs/J/skipped/1/closed"
    assert told.data == {
        "rangeId": "/cloudservices/Cs1/jobcollections/Jc1/jobs/J/skipped/1",
        "reason": "missed",
        "firstExpectedExecutionTime": "2026-01-01T12:01:00Z",
        "lastExpectedExecutionTime": "2026-01-01T12:04:00Z",
        "isOpen": False,
    }
    assert await rows(engine, "SELECT claimed FROM job_timing") == [(1,), (1,)]


@pytest.mark.parametrize("state", ["disabled", "completed", "faulted"])
async def test_jobs_that_are_not_enabled_are_never_claimed(engine: EngineStack, state: str) -> None:
    engine.action.outcomes = [FAILED] if state == "faulted" else []
    await engine.put("J", startTime=FIRST_AT, action=action())
    if state == "disabled":
        await engine.patch("J", state=state)
    else:
        await engine.step(MINUTE)
    assert (await engine.job("J")).state == JobState(state)
    done = len(engine.action.attempts)

    for _ in range(3):
        await engine.step(MINUTE)

    assert await engine.ticker.tick() is None
    assert len(engine.action.attempts) == done


async def test_a_job_from_before_there_was_an_engine_is_planned_by_the_first_tick(
    engine: EngineStack,
) -> None:
    await engine.put("J", startTime="2026-01-01T11:00:30Z", recurrence=EVERY_MINUTE)
    await engine.put("drifts", recurrence={**EVERY_MINUTE, "count": 7})
    await change(engine, UNPLANNED)

    assert await engine.ticker.tick() == START + RUN_NOW_DELAY

    rule = "generation, counted_from, frequency, drifts, count, claimed"
    assert await rows(engine, f"SELECT {rule} FROM job_timing") == [
        (1, 1, "minute", 0, None, 0),
        (1, 1, "minute", 1, 7, 0),
    ]
    assert (await engine.job("J")).status.next_execution_time == START + 30 * SECOND
    assert await engine.told() == []


async def test_an_unplanned_job_without_any_occurrence_left_is_completed_and_told(
    engine: EngineStack,
) -> None:
    await engine.put("J", recurrence={**EVERY_MINUTE, "endTime": "2026-01-01T12:30:00Z"})
    await change(engine, UNPLANNED)
    await engine.clock.advance(60 * MINUTE)

    assert await engine.ticker.tick() is None

    assert (await engine.job("J")).state is JobState.COMPLETED
    (told,) = await engine.told()
    assert (told.type, told.subject) == (
        EventType.JOB_COMPLETED,
        "/cloudservices/Cs1/jobcollections/Jc1/jobs/J",
    )
    assert isinstance(told.data, dict)
    assert told.data["state"] == "completed"


BROKEN = {
    "unknown frequency": "UPDATE job_timing SET frequency = 'year' WHERE job_id = 2",
    "no interval": "UPDATE job_timing SET interval = 0 WHERE job_id = 2",
    "an instant beyond time": "UPDATE job_timing SET anchor = -(1 << 62) WHERE job_id = 2",
    "a definition of another version": f"{UNPLANNED} WHERE job_id = 2",
    "a definition that is none": f"{UNPLANNED} WHERE job_id = 2",
}
DEFINITIONS = {
    "a definition of another version": json.dumps({**JOB, "recurrence": {"frequency": "year"}}),
    "a definition that is none": "{",
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_p10_a_job_that_cannot_be_claimed_is_faulted_and_takes_no_other_with_it(
    engine: EngineStack, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "broken", "z"):
        await engine.put(name, startTime=FIRST_AT, recurrence=EVERY_MINUTE)
    await engine.clock.advance(MINUTE)
    await change(engine, BROKEN[broken])
    if broken in DEFINITIONS:
        await change(
            engine, f"UPDATE job SET definition = '{DEFINITIONS[broken]}' WHERE key = 'broken'"
        )

    for _ in range(2):
        assert await engine.ticker.tick() == START + 2 * MINUTE

    assert [row[0] for row in await rows(engine, CLAIMED)] == ["a", "z"]
    assert (await engine.job("broken")).state is JobState.FAULTED
    (told,) = await engine.taken()
    assert (told.id, told.type) == (f"{told.subject}/2/faulted", EventType.JOB_FAULTED)
    assert isinstance(told.data, dict)
    assert (told.data["id"], told.data["state"]) == ("broken", "faulted")
    (line,) = [one for one in caplog.records if getattr(one, "action", None) == "claim"]
    assert line.exc_info is not None


async def test_a_job_faulted_while_an_execution_is_active_ends_it_and_closes_its_range(
    engine: EngineStack,
) -> None:
    engine.action.outcomes = [FAILED]
    await engine.put(
        "J", startTime=FIRST_AT, recurrence=EVERY_MINUTE, action=action(retries=1, every="00:10:00")
    )
    await engine.step(MINUTE)
    await engine.step(MINUTE)
    await engine.told()
    await change(engine, "UPDATE job_timing SET frequency = 'year'")

    await engine.step(MINUTE)

    assert ids(await engine.told()) == ["x1/end", "J/skipped/1/closed", "J/1/faulted"]
    assert await rows(engine, "SELECT state FROM execution") == [("failed",), ("skipped",)]


async def test_an_attempt_under_way_ends_although_its_job_was_faulted(engine: EngineStack) -> None:
    async def break_the_job() -> None:
        await change(engine, "UPDATE job_timing SET frequency = 'year', next_occurrence = 0")
        await engine.ticker.tick()

    engine.action.meanwhile = [break_the_job]
    await engine.put("J", startTime=FIRST_AT, recurrence=EVERY_MINUTE)

    await engine.step(MINUTE)

    assert await rows(engine, "SELECT state FROM execution") == [("succeeded",)]
    job = await engine.job("J")
    assert (job.state, job.status.execution_count) == (JobState.FAULTED, 1)


async def test_p5_what_is_claimed_ahead_is_not_claimed_again_after_a_skip_that_gave_back(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_engine(tmp_path, clock, horizon=90 * SECOND) as engine:
        engine.action.outcomes = [FAILED, FAILED, FAILED]
        does = action(retries=3, every="00:00:40")
        recurrence = {**EVERY_MINUTE, "count": 3}
        await engine.put("J", startTime=FIRST_AT, recurrence=recurrence, action=does)

        for _ in range(30):
            await engine.step(20 * SECOND)

        times = {(one.expected_time - START) / MINUTE for one in engine.action.attempts}
        assert times == {1, 4, 5}
        assert (await engine.job("J")).state is JobState.COMPLETED
