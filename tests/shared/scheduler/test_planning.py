"""What a change of a job means for what was planned, claimed and begun before it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.events.event_types import EventType
from shared.wire.job import JobState
from shared.wire.json_types import Json, JsonObject
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import FAILED, RUN_NOW_DELAY, EngineStack, open_engine
from tests.shared.scheduler.running import FIRST_AT, MINUTE, SECOND, action, ids, rows

HORIZON = timedelta(seconds=90)
RECURRENCE: JsonObject = {"frequency": "minute", "interval": 1}
MINUTELY: JsonObject = {"startTime": FIRST_AT, "recurrence": RECURRENCE}
Change = Callable[[EngineStack], Awaitable[object]]


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    """Claims up to 90 s ahead, as an engine on a timer does."""
    async with open_engine(tmp_path, clock, horizon=HORIZON) as opened:
        yield opened


async def put_again(stack: EngineStack) -> None:
    await stack.put("J", **MINUTELY)


async def patch_recurrence(stack: EngineStack) -> None:
    await stack.patch("J", recurrence={"frequency": "hour", "interval": 1})


async def disable(stack: EngineStack) -> None:
    await stack.patch("J", state="disabled")


async def put_disabled(stack: EngineStack) -> None:
    await stack.put("J", **MINUTELY, state="disabled")


async def delete(stack: EngineStack) -> None:
    await stack.delete("J")


CHANGES = [put_again, patch_recurrence, disable, put_disabled]


async def executions(stack: EngineStack) -> list[tuple[Any, ...]]:
    return await rows(stack, "SELECT id, state, ended_at IS NULL FROM execution ORDER BY rowid")


async def timing(stack: EngineStack, *columns: str) -> tuple[Any, ...]:
    (found,) = await rows(stack, f"SELECT {', '.join(columns)} FROM job_timing")
    return found


async def claimed_two(stack: EngineStack, **members: Json) -> None:
    """Define a job and claim its first two occurrences, of which none has started."""
    await stack.put("J", **{**MINUTELY, **members})
    await stack.step(30 * SECOND)
    assert await executions(stack) == [("x1", "claimed", 1), ("x2", "claimed", 1)]


async def waiting(stack: EngineStack) -> None:
    """Define a job and bring its first execution to wait for a retry."""
    stack.action.outcomes = [FAILED]
    await stack.put("J", **MINUTELY, action=action(retries=4, every="00:10:00"))
    await stack.step()
    await stack.step(MINUTE)
    assert (await executions(stack))[0] == ("x1", "waiting", 1)


@pytest.mark.parametrize("change", [*CHANGES, delete])
async def test_p5_what_was_claimed_and_has_not_started_ends_skipped_in_one_superseded_range(
    engine: EngineStack, change: Change
) -> None:
    await claimed_two(engine)

    await change(engine)

    assert await executions(engine) == [("x1", "skipped", 0), ("x2", "skipped", 0)]
    (told,) = await engine.told()
    assert told.type == EventType.EXECUTION_SKIPPED
    assert told.data == {
        "rangeId": "/cloudservices/Cs1/jobcollections/Jc1/jobs/J/skipped/1",
        "reason": "superseded",
        "firstExpectedExecutionTime": "2026-01-01T12:01:00Z",
        "lastExpectedExecutionTime": "2026-01-01T12:02:00Z",
        "isOpen": False,
    }


@pytest.mark.parametrize("change", [*CHANGES, delete])
async def test_p5_what_was_superseded_is_never_started(engine: EngineStack, change: Change) -> None:
    await claimed_two(engine)
    await change(engine)

    await engine.clock.advance(10 * MINUTE)
    await engine.sweep.run_once(engine.clock.now())
    await engine.work()

    assert engine.action.attempts == []


@pytest.mark.parametrize("change", CHANGES)
async def test_what_waits_for_a_retry_ends_failed_with_its_last_record(
    engine: EngineStack, change: Change
) -> None:
    await waiting(engine)
    (record,) = await engine.history("J")
    await engine.told()

    await change(engine)

    assert (await executions(engine))[0] == ("x1", "failed", 0)
    (ended,) = [one for one in await engine.told() if one.type == EventType.EXECUTION_FAILED]
    assert ended.id == "x1/end"
    assert isinstance(ended.data, dict)
    assert (ended.data["attempts"], ended.data["lastAttempt"]) == (1, record.document())
    await engine.clock.advance(10 * MINUTE)
    await engine.work()
    assert len(engine.action.attempts) == 1


async def test_the_execution_that_waits_in_a_deleted_job_ends_failed_with_its_last_record(
    engine: EngineStack,
) -> None:
    await waiting(engine)
    (record,) = await engine.history("J")
    await engine.told()

    await delete(engine)

    skipped, ended = sorted(await engine.told(), key=lambda one: one.type, reverse=True)
    assert (ended.id, skipped.type) == ("x1/end", EventType.EXECUTION_SKIPPED)
    assert isinstance(ended.data, dict)
    assert ended.data["lastAttempt"] == record.document()


@pytest.mark.parametrize("change", [*CHANGES, delete])
async def test_an_attempt_under_way_is_left_to_end(engine: EngineStack, change: Change) -> None:
    engine.action.meanwhile = [lambda: change(engine)]
    engine.action.outcomes = [FAILED]
    await engine.put("J", **MINUTELY, action=action(retries=4))
    await engine.step()

    await engine.step(MINUTE)

    assert (await executions(engine))[0] == ("x1", "failed", 0)
    assert "x1/end" in ids(await engine.told())
    assert len(engine.action.attempts) == 1


@pytest.mark.parametrize("change", CHANGES)
async def test_what_somebody_asked_for_outlives_every_change(
    engine: EngineStack, change: Change
) -> None:
    await engine.put("J", startTime="2026-02-01T00:00:00Z")
    await engine.run_now("J")

    await change(engine)
    await engine.work()

    assert [one.execution_id for one in engine.action.attempts] == ["x1"]


async def test_what_somebody_asked_for_goes_with_the_job(engine: EngineStack) -> None:
    await engine.put("J", startTime="2026-02-01T00:00:00Z")
    await engine.run_now("J")

    await delete(engine)
    await engine.work()

    assert engine.action.attempts == []
    assert await executions(engine) == [("x1", "skipped", 0)]


async def test_run_now_leaves_the_schedule_alone(engine: EngineStack) -> None:
    await engine.put("J", **MINUTELY)
    before = await timing(engine, "*")

    await engine.run_now("J")

    assert await timing(engine, "*") == before
    assert await rows(engine, "SELECT generation, origin, state FROM execution") == [
        (1, "r1", "claimed")
    ]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_closes_the_range_that_an_overlap_opened(
    engine: EngineStack, change: Change
) -> None:
    await waiting(engine)
    await engine.step(MINUTE)
    assert "J/skipped/1/opened" in ids(await engine.told())

    await change(engine)

    (closed,) = [one for one in await engine.told() if one.id.endswith("skipped/1/closed")]
    assert isinstance(closed.data, dict)
    assert closed.data["lastExpectedExecutionTime"] == "2026-01-01T12:02:00Z"
    assert await timing(engine, "open_skip") == (None,)
    assert await rows(engine, "SELECT is_open FROM skipped WHERE id = 1") == [(0,)]


@pytest.mark.parametrize(
    ("change", "following"),
    [
        (put_again, START + MINUTE),
        (patch_recurrence, START + MINUTE),
        (disable, None),
        (put_disabled, None),
    ],
)
async def test_every_change_raises_the_generation_with_nothing_outstanding(
    engine: EngineStack, change: Change, following: Any
) -> None:
    await claimed_two(engine)
    assert await timing(engine, "generation", "outstanding") == (1, 2)

    await change(engine)

    assert await timing(engine, "generation", "outstanding") == (2, 0)
    job = await engine.job("J")
    assert job.status.next_execution_time == following


async def test_the_next_generation_claims_the_same_occurrence_again(engine: EngineStack) -> None:
    await claimed_two(engine)
    await put_again(engine)

    await engine.step()
    await engine.step(30 * SECOND)

    assert [one.expected_time for one in engine.action.attempts] == [START + MINUTE]
    assert [one.execution_id for one in engine.action.attempts] == ["x3"]


async def test_put_counts_from_the_beginning(engine: EngineStack) -> None:
    await engine.put("J", **MINUTELY)
    await engine.step()
    await engine.step(MINUTE)
    assert (await engine.job("J")).status.execution_count == 1

    await put_again(engine)

    status = (await engine.job("J")).status
    assert (status.execution_count, status.last_execution_time) == (0, None)
    columns = ("claimed", "repeats", "counted_from")
    assert await timing(engine, *columns) == (0, 0, 2)


@pytest.mark.parametrize("change", [patch_recurrence, disable])
async def test_patch_goes_on_counting_and_gives_back_what_it_supersedes(
    engine: EngineStack, change: Change
) -> None:
    await engine.put("J", **MINUTELY)
    await engine.step()
    await engine.step(MINUTE)
    assert await timing(engine, "claimed", "repeats") == (2, 1)

    await change(engine)

    assert await timing(engine, "claimed", "repeats", "counted_from") == (1, 1, 1)
    if change is disable:  # which hides it
        await engine.patch("J", state="enabled")
    assert (await engine.job("J")).status.execution_count == 1


async def test_a_job_that_is_disabled_and_enabled_runs_as_often_as_its_count_says(
    engine: EngineStack,
) -> None:
    await engine.put("J", startTime=FIRST_AT, recurrence={**RECURRENCE, "count": 3})
    await engine.step()
    await engine.step(MINUTE)
    await disable(engine)
    for _ in range(3):
        await engine.step(MINUTE)
    assert len(engine.action.attempts) == 1

    await engine.patch("J", state="enabled")
    for _ in range(6):
        await engine.step(MINUTE)

    times = [(one.expected_time - START) / MINUTE for one in engine.action.attempts]
    assert times == [1, 5, 6]
    assert (await engine.job("J")).state is JobState.COMPLETED


async def test_a_job_whose_count_is_set_below_what_it_has_used_is_completed(
    engine: EngineStack,
) -> None:
    await engine.put("J", **MINUTELY)
    await engine.step()
    await engine.step(MINUTE)

    await engine.patch("J", recurrence={**RECURRENCE, "count": 1})

    job = await engine.job("J")
    assert (job.state, job.status.next_execution_time) == (JobState.COMPLETED, None)
    assert (await timing(engine, "ended_at")) != (None,)


async def test_a_job_without_any_occurrence_is_completed_at_once(engine: EngineStack) -> None:
    ends_at = (START + RUN_NOW_DELAY - SECOND).isoformat()

    job = await engine.put("J", recurrence={**RECURRENCE, "endTime": ends_at})

    assert job.state is JobState.COMPLETED
    await engine.step(MINUTE)
    assert engine.action.attempts == []


async def test_a_job_defined_disabled_has_no_occurrence(engine: EngineStack) -> None:
    job = await engine.put("J", **MINUTELY, state="disabled")

    assert (job.state, job.status.next_execution_time) == (JobState.DISABLED, None)
    assert await timing(engine, "generation", "next_occurrence") == (1, None)


async def test_a_deleted_job_leaves_nothing_to_claim(engine: EngineStack) -> None:
    await engine.put("J", **MINUTELY)

    await delete(engine)

    assert await engine.ticker.tick() is None
    assert await rows(engine, "SELECT * FROM job_timing") == []
    assert await engine.told() == []
