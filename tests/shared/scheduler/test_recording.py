"""What an attempt leaves: its record, counters, events, and what follows."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import from_microseconds
from shared.events.event_types import EventType
from shared.scheduler.action import Outcome
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import FAILED, OK, EngineStack, open_engine
from tests.shared.scheduler.running import (
    EVERY_MINUTE,
    FIRST_AT,
    MINUTE,
    SECOND,
    action,
    change,
    ids,
    put_once,
    put_recurring,
    rows,
)

HALF = timedelta(seconds=30)


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        yield opened


async def counters(stack: EngineStack, name: str = "J") -> tuple[int, int, int]:
    """Return executionCount, failureCount and faultedCount."""
    status = (await stack.job(name)).status
    return status.execution_count, status.failure_count, status.faulted_count


async def tries(stack: EngineStack, name: str = "J") -> list[tuple[ActionName, int, int]]:
    """Return of each record, oldest first, its action and which occurrence and try it is of."""
    return [
        (one.action_name, one.repeat_count, one.retry_count)
        for one in reversed(await stack.history(name))
    ]


async def test_the_documented_example_of_the_counters(
    engine: EngineStack, clock: FakeClock
) -> None:
    """One occurrence of a minute job, default policy: five attempts, five failures, one faulted occurrence."""
    engine.action.outcomes = [FAILED] * 5
    engine.action.meanwhile = [lambda: clock.advance(SECOND)] * 5
    await engine.put("J", startTime=FIRST_AT, recurrence=EVERY_MINUTE)

    for _ in range(200):
        await engine.step(SECOND)

    assert len(engine.action.attempts) == 5
    assert await counters(engine) == (5, 5, 1)
    status = (await engine.job("J")).status
    assert status.last_execution_time == START + timedelta(seconds=60 + 4 * 31)
    assert status.next_execution_time == START + 4 * MINUTE


async def test_retries_keep_their_distance_from_each_failure(
    engine: EngineStack, clock: FakeClock
) -> None:
    takes_ten = [lambda: clock.advance(10 * SECOND)] * 3
    engine.action.meanwhile = [*takes_ten]
    engine.action.outcomes = [FAILED, FAILED]
    await put_once(engine, does=action(retries=2, every="00:00:15"))

    for _ in range(12):
        await engine.step(10 * SECOND)

    records = [*reversed(await engine.history("J"))]
    assert [one.start_time - START for one in records] == [
        timedelta(seconds=60),
        timedelta(seconds=90),
        timedelta(seconds=120),
    ]
    assert [one.end_time - one.start_time for one in records] == [10 * SECOND] * 3
    assert [one.number for one in engine.action.attempts] == [1, 2, 3]


async def test_p5_every_attempt_of_an_execution_has_one_key(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED] * 3
    await put_once(engine, does=action(retries=1, has_error_action=True))

    for _ in range(5):
        await engine.step(HALF)

    assert {one.execution_id for one in engine.action.attempts} == {"x1"}
    assert [one.number for one in engine.action.attempts] == [1, 2, 3, 4]


async def test_the_error_action_runs_once_the_main_action_gave_up(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED, FAILED, FAILED, OK]
    await put_once(engine, does=action(retries=1, has_error_action=True))

    for _ in range(5):
        await engine.step(HALF)

    main, error = ActionName.MAIN_ACTION, ActionName.ERROR_ACTION
    assert await tries(engine) == [(main, 1, 0), (main, 1, 1), (error, 1, 0), (error, 1, 1)]
    uris = [one.action["request"] for one in engine.action.attempts]
    assert uris == [
        {"method": "POST", "uri": f"http://{host}.example/"}
        for host in ("target", "target", "report", "report")
    ]
    assert ids(await engine.told()) == [
        "x1/MainAction/0",
        "x1/MainAction/1",
        "x1/ErrorAction/0",
        "x1/ErrorAction/1",
        "x1/end",
        "x1/faulted",
    ]


async def test_an_execution_fails_however_well_its_error_action_ends(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED, OK]
    await put_once(engine, does=action(has_error_action=True))

    await engine.step(MINUTE)

    (end,) = [one for one in await engine.told() if one.id == "x1/end"]
    assert end.type == EventType.EXECUTION_FAILED
    assert isinstance(end.data, dict)
    assert end.data["attempts"] == 2
    assert end.data["lastAttempt"]["actionName"] == "ErrorAction"
    assert await counters(engine) == (1, 1, 1)
    assert (await engine.job("J")).state is JobState.FAULTED


async def test_a_success_ends_the_execution_and_with_its_last_one_the_job(
    engine: EngineStack,
) -> None:
    await put_recurring(engine, count=2)

    await engine.step(MINUTE)
    assert (await engine.job("J")).state is JobState.ENABLED
    await engine.step(MINUTE)

    job = await engine.job("J")
    assert job.state is JobState.COMPLETED
    assert job.status.next_execution_time is None
    assert await counters(engine) == (2, 0, 0)
    assert ids(await engine.told()) == [
        "x1/MainAction/0",
        "x1/end",
        "x2/MainAction/0",
        "x2/end",
        "x2/completed",
    ]


async def test_a_job_that_ended_is_told_of_as_it_is_answered(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    await put_once(engine)

    await engine.step(MINUTE)

    faulted = (await engine.told())[-1]
    assert faulted.type == EventType.JOB_FAULTED
    assert isinstance(faulted.data, dict)
    assert (faulted.data["id"], faulted.data["state"]) == ("J", "faulted")
    assert faulted.data["status"] == {
        "lastExecutionTime": FIRST_AT,
        "executionCount": 1,
        "failureCount": 1,
        "faultedCount": 1,
    }
    assert faulted.extensions == {"executionid": "x1"}


async def test_a_recurring_job_goes_on_however_often_it_fails(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED] * 9
    await put_recurring(engine)

    for _ in range(10):
        await engine.step(MINUTE)

    assert (await engine.job("J")).state is JobState.ENABLED
    assert await counters(engine) == (10, 9, 9)


async def test_the_last_occurrence_decides_how_a_job_ends(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED, OK, OK, FAILED]
    await put_recurring(engine, "A", endTime="2026-01-01T12:02:30Z")

    for _ in range(2):
        await engine.step(MINUTE)
    await put_recurring(engine, "B", endTime="2026-01-01T12:04:00Z")
    for _ in range(2):
        await engine.step(MINUTE)

    assert (await engine.job("A")).state is JobState.COMPLETED
    assert (await engine.job("B")).state is JobState.FAULTED


async def test_a_job_ends_with_the_retries_of_its_last_occurrence(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    await put_once(engine, does=action(retries=1))

    await engine.step(MINUTE)
    assert (await engine.job("J")).state is JobState.ENABLED
    await engine.step(HALF)

    assert (await engine.job("J")).state is JobState.COMPLETED
    assert await counters(engine) == (2, 1, 0)


async def test_a_record_says_what_the_retired_service_did(
    engine: EngineStack, clock: FakeClock
) -> None:
    engine.action.meanwhile = [lambda: clock.advance(2 * SECOND)]
    engine.action.outcomes = [Outcome(is_success=False, message="Http Action - Response …")]
    await put_once(engine, does=action(retries=1))
    await clock.advance(MINUTE)
    await engine.ticker.tick()

    await engine.step(3 * SECOND)

    started_at = START + MINUTE + 3 * SECOND
    assert await engine.history("J") == [
        JobHistory(
            job_id="J",
            timestamp=started_at,
            start_time=started_at,
            end_time=started_at + 2 * SECOND,
            state=JobState.ENABLED,
            message="Http Action - Response …",
            status=JobExecutionStatus.FAILED,
            action_name=ActionName.MAIN_ACTION,
            repeat_count=1,
            retry_count=0,
        )
    ]
    (event,) = await engine.told()
    (record,) = await engine.history("J")
    assert event.data == {
        **record.document(),
        "executionId": "x1",
        "expectedExecutionTime": FIRST_AT,
    }
    assert event.time == record.end_time


async def test_the_newest_thousand_records_are_kept_every_hundredth_time(
    engine: EngineStack,
) -> None:
    await put_recurring(engine)
    await engine.step(MINUTE)
    await copy_record(engine, times=1099)
    await set_repeats(engine, 98)

    await engine.step(MINUTE)
    assert await rows(engine, "SELECT count(*) FROM history") == [(1101,)]
    await engine.step(MINUTE)

    assert await rows(engine, "SELECT count(*) FROM history") == [(1000,)]
    assert [one.repeat_count for one in (await engine.history("J"))[:3]] == [100, 99, 1]


async def test_the_records_of_other_jobs_are_not_dropped_with_those_of_one(
    engine: EngineStack,
) -> None:
    await put_once(engine, "A")
    await engine.step(MINUTE)
    await copy_record(engine, times=1099)
    await engine.put("B")
    await set_repeats(engine, 99)

    await engine.step(MINUTE)

    assert await rows(engine, "SELECT count(*) FROM history WHERE job_id = 1") == [(1100,)]
    assert await rows(engine, "SELECT repeat_count FROM history WHERE job_id = 2") == [(100,)]


async def test_what_was_asked_for_counts_and_leaves_schedule_and_count_alone(
    engine: EngineStack,
) -> None:
    await put_recurring(engine, count=2)
    await engine.run_now("J")

    await engine.step()
    assert await rows(engine, "SELECT claimed, outstanding FROM job_timing") == [(0, 0)]
    for _ in range(2):
        await engine.step(MINUTE)

    assert [one.repeat_count for one in await engine.history("J")] == [3, 2, 1]
    assert await counters(engine) == (3, 0, 0)
    assert (await engine.job("J")).state is JobState.COMPLETED
    ends = [one for one in await engine.told() if one.id.endswith("/end")]
    origins = [one.data["origin"] for one in ends if isinstance(one.data, dict)]
    assert origins == ["r1", "schedule", "schedule"]


async def test_what_was_asked_for_does_not_end_a_job(engine: EngineStack, clock: FakeClock) -> None:
    """It fails after the last occurrence has been claimed and before that has ended."""
    engine.action.outcomes = [FAILED, FAILED]
    await put_once(engine, does=action(retries=1, every="00:00:40"))
    await engine.step(MINUTE)
    await engine.run_now("J")

    await engine.step(HALF)
    assert (await engine.job("J")).state is JobState.ENABLED
    await engine.step(HALF)
    await engine.step(HALF)

    assert (await engine.job("J")).state is JobState.COMPLETED
    assert "x1/completed" in ids(await engine.told())
    assert await rows(engine, "SELECT id, state FROM execution ORDER BY id") == [
        ("x1", "succeeded"),
        ("x2", "succeeded"),
    ]


async def test_a_disabled_job_runs_when_it_is_asked_to_and_stays_disabled(
    engine: EngineStack,
) -> None:
    engine.action.outcomes = [FAILED]
    await engine.put("J", state="disabled", action=action(retries=1))
    await engine.run_now("J")

    await engine.step()
    await engine.step(HALF)

    assert (await engine.job("J")).state is JobState.DISABLED
    assert [one.status for one in await engine.history("J")] == ["completed", "failed"]
    assert await counters(engine) == (2, 1, 0)


async def test_last_execution_time_does_not_go_back(engine: EngineStack, clock: FakeClock) -> None:
    """What began earlier may end later."""

    async def run_beside() -> None:
        await clock.advance(HALF)
        await engine.work()

    engine.action.meanwhile = [run_beside]
    await put_recurring(engine)
    await clock.advance(HALF)
    await engine.run_now("J")

    await engine.step(HALF)

    assert [one.start_time for one in await engine.history("J")] == [
        START + MINUTE,
        START + MINUTE + HALF,
    ]
    assert (await engine.job("J")).status.last_execution_time == START + MINUTE + HALF


async def copy_record(stack: EngineStack, *, times: int) -> None:
    """Give the one job that has a record as many more of the same."""
    columns = "job_id, execution_id, occurrence, started_at, ended_at, state, status, action_name"
    columns += ", repeat_count, retry_count, message"
    await change(
        stack,
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {times})"
        f" INSERT INTO history ({columns}) SELECT {columns} FROM history, n",
    )


async def set_repeats(stack: EngineStack, repeats: int) -> None:
    await change(stack, f"UPDATE job_timing SET repeats = {repeats}")


@pytest.mark.parametrize(("plan", "wait"), [("Standard", HALF), ("Free", timedelta(hours=1))])
async def test_without_an_interval_of_its_own_a_job_retries_as_its_plan_allows(
    engine: EngineStack, clock: FakeClock, plan: str, wait: timedelta
) -> None:
    await change(engine, f"""UPDATE job_collection SET definition = '{{"plan":"{plan}"}}'""")
    engine.action.outcomes = [FAILED]
    await engine.put("J", startTime=FIRST_AT)
    await engine.step(MINUTE)

    [(due_at,)] = await rows(engine, "SELECT due_at FROM execution")
    assert from_microseconds(due_at) == clock.now() + wait
