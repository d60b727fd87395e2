"""What a wake-up of an execution leads to before its action is called."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import to_microseconds
from shared.events.event_types import EventType
from shared.scheduler.limits import Limits
from shared.wire.job import JobState
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import FAILED, OK, EngineStack, open_engine
from tests.shared.scheduler.running import (
    EVERY_MINUTE,
    MINUTE,
    SECOND,
    BugError,
    action,
    break_down,
    change,
    ids,
    put_once,
    put_recurring,
    rows,
    wake,
)


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        yield opened


def started_at(stack: EngineStack) -> list[int]:
    """Return the seconds of the occurrences whose attempts reached the target, in their order."""
    return [int((one.expected_time - START).total_seconds()) for one in stack.action.attempts]


async def run_for(stack: EngineStack, minutes: int, *, step: int = 10) -> None:
    for _ in range(minutes * 60 // step):
        await stack.step(timedelta(seconds=step))


async def test_p5_what_falls_due_while_an_execution_is_active_is_skipped(
    engine: EngineStack,
) -> None:
    engine.action.outcomes = [FAILED]
    await put_recurring(engine, does=action(retries=1, every="00:01:30"))

    await run_for(engine, 4)

    assert started_at(engine) == [60, 60, 180, 240]
    assert [one.retry_count for one in await engine.history("J")] == [0, 0, 1, 0]
    assert ids(await engine.told()) == [
        "x1/MainAction/0",
        "J/skipped/1/opened",
        "x1/MainAction/1",
        "x1/end",
        "J/skipped/1/closed",
        "x3/MainAction/0",
        "x3/end",
        "x4/MainAction/0",
        "x4/end",
    ]


async def test_a_range_grows_in_place_and_tells_of_itself_twice(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    await put_recurring(engine, does=action(retries=1, every="00:03:30"))

    await run_for(engine, 5)

    skipped = [one for one in await engine.told() if one.type == EventType.EXECUTION_SKIPPED]
    assert [one.data for one in skipped] == [
        {
            "rangeId": skipped[0].id.removesuffix("/opened"),
            "reason": "overlap",
            "firstExpectedExecutionTime": "2026-01-01T12:02:00Z",
            "lastExpectedExecutionTime": "2026-01-01T12:02:00Z",
            "isOpen": True,
        },
        {
            "rangeId": skipped[0].id.removesuffix("/opened"),
            "reason": "overlap",
            "firstExpectedExecutionTime": "2026-01-01T12:02:00Z",
            "lastExpectedExecutionTime": "2026-01-01T12:04:00Z",
            "isOpen": False,
        },
    ]
    assert await rows(engine, "SELECT reason, is_open FROM skipped") == [("overlap", 0)]
    assert started_at(engine) == [60, 60, 300]


async def test_a_range_is_closed_when_the_job_ends(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    does = action(retries=1, every="00:03:30")
    await put_recurring(engine, does=does, endTime="2026-01-01T12:03:00Z")

    await run_for(engine, 5)

    assert ids(await engine.told()) == [
        "x1/MainAction/0",
        "J/skipped/1/opened",
        "x1/MainAction/1",
        "x1/end",
        "J/skipped/1/closed",
        "x1/completed",
    ]
    assert await rows(engine, "SELECT is_open FROM skipped") == [(0,)]
    assert (await engine.job("J")).state is JobState.COMPLETED


async def test_a_second_gap_is_a_second_range(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED, OK, FAILED]
    await put_recurring(engine, does=action(retries=1, every="00:01:30"))

    await run_for(engine, 6)

    assert started_at(engine) == [60, 60, 180, 180, 300, 360]
    assert await rows(engine, "SELECT id, is_open FROM skipped") == [(1, 0), (2, 0)]


async def test_an_execution_is_active_to_the_last_attempt_of_its_error_action(
    engine: EngineStack,
) -> None:
    engine.action.outcomes = [FAILED] * 3
    await put_recurring(engine, does=action(retries=1, every="00:00:40", has_error_action=True))

    await run_for(engine, 3)

    assert started_at(engine) == [60, 60, 60, 60, 180]
    assert await rows(engine, "SELECT id, state FROM execution") == [
        ("x1", "failed"),
        ("x2", "skipped"),
        ("x3", "succeeded"),
    ]


async def test_a_skipped_occurrence_gives_its_count_back(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    await put_recurring(engine, does=action(retries=1, every="00:02:30"), count=3)

    await run_for(engine, 7)

    assert started_at(engine) == [60, 60, 240, 300]
    assert (await engine.job("J")).state is JobState.COMPLETED


async def test_p5_a_count_that_is_given_back_claims_nothing_twice(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The timer claims ahead: the count is used up before it is known that an occurrence is skipped."""
    async with open_engine(tmp_path, clock, horizon=timedelta(seconds=90)) as engine:
        engine.action.outcomes = [FAILED]
        await put_recurring(engine, does=action(retries=1, every="00:02:30"), count=3)

        await run_for(engine, 7, step=30)

        assert started_at(engine) == [60, 60, 240, 300]
        assert (await engine.job("J")).state is JobState.COMPLETED


async def test_p5_a_count_that_is_given_back_claims_nothing_that_has_ended(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The last occurrence has ended before one ahead of it is found to be skipped: wake-ups came in any order."""
    async with open_engine(tmp_path, clock, horizon=timedelta(minutes=3)) as engine:
        engine.action.outcomes = [OK, FAILED]
        await put_recurring(engine, does=action(retries=1), count=3)
        await engine.ticker.tick()
        await clock.advance(3 * MINUTE + SECOND)
        for id in ("x3", "x1", "x2"):
            await wake(engine, id)

        await run_for(engine, 2)

        assert started_at(engine) == [180, 60, 60, 240]
        assert (await engine.job("J")).state is JobState.COMPLETED


async def test_p5_a_count_that_is_given_back_late_passes_nothing_over(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The process was away while occurrences fell due that would have been claimed, had the skip been known."""
    async with open_engine(tmp_path, clock, horizon=2 * MINUTE) as engine:
        engine.action.outcomes = [FAILED]
        await put_recurring(engine, does=action(retries=1), count=2)
        await engine.ticker.tick()
        await clock.advance(4 * MINUTE + 10 * SECOND)
        for id in ("x1", "x2"):
            await wake(engine, id)

        await engine.ticker.tick()

        assert await rows(engine, "SELECT reason, first FROM skipped") == [
            ("overlap", to_microseconds(START + 2 * MINUTE)),
            ("missed", to_microseconds(START + 3 * MINUTE)),
        ]
        assert await rows(engine, "SELECT occurrence FROM execution WHERE id = 'x3'") == [
            (to_microseconds(START + 4 * MINUTE),)
        ]


async def test_a_range_holds_what_was_skipped_out_of_order(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Two wake-ups that are late arrive in any order."""
    async with open_engine(tmp_path, clock, horizon=timedelta(minutes=5)) as engine:
        engine.action.outcomes = [FAILED]
        await put_recurring(engine, does=action(retries=1, every="00:10:00"))
        await engine.step(MINUTE)
        await clock.advance(3 * MINUTE)
        for id in ("x4", "x2", "x3"):
            await wake(engine, id, attempt=0)

        assert await rows(engine, "SELECT (first - last) / 1000000 FROM skipped") == [(-120,)]


async def test_what_was_asked_for_runs_beside_what_is_scheduled(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    await put_recurring(engine, does=action(retries=1, every="00:01:30"))
    await engine.run_now("J")
    await engine.step()

    await run_for(engine, 2)

    assert started_at(engine) == [0, 60, 0, 120]
    assert await rows(engine, "SELECT id FROM skipped") == []


async def test_what_was_asked_for_runs_while_an_execution_is_active(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    await put_recurring(engine, does=action(retries=1, every="00:00:40"))
    await engine.step(MINUTE)
    await engine.run_now("J")

    await engine.step(SECOND)

    assert started_at(engine) == [60, 60]
    assert [one.execution_id for one in engine.action.attempts] == ["x1", "x2"]
    assert await rows(engine, "SELECT active FROM job_timing") == [("x1",)]


async def test_the_next_occurrence_of_a_job_that_drifts_follows_its_first_start(
    engine: EngineStack, clock: FakeClock
) -> None:
    engine.action.outcomes = [FAILED]
    await engine.put("J", recurrence=EVERY_MINUTE, action=action(retries=1, every="00:00:15"))
    await clock.advance(timedelta(seconds=20))
    await engine.ticker.tick()
    assert await rows(engine, "SELECT next_occurrence FROM job_timing") == [(None,)]

    await engine.step(timedelta(seconds=7))
    await engine.step(timedelta(seconds=15))

    assert started_at(engine) == [20, 20]
    status = (await engine.job("J")).status
    assert status.next_execution_time == START + timedelta(seconds=20 + 7 + 60)


async def test_a_job_that_drifts_goes_on_after_a_skipped_occurrence(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED]
    does = action(retries=1, every="00:01:30")
    await engine.put("J", recurrence={**EVERY_MINUTE, "count": 2}, action=does)

    await run_for(engine, 4)

    assert started_at(engine) == [20, 20, 140]
    assert await rows(engine, "SELECT id, state FROM execution") == [
        ("x1", "succeeded"),
        ("x2", "skipped"),
        ("x3", "succeeded"),
    ]
    assert (await engine.job("J")).state is JobState.COMPLETED


ONE_AT_ONCE = Limits(attempts_per_host=1, starts_per_second=1000)


async def test_what_is_too_much_for_a_host_is_held_back_and_keeps_its_occurrence(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_engine(tmp_path, clock, limits=ONE_AT_ONCE) as engine:
        engine.action.meanwhile = [engine.work]
        await put_once(engine, "A")
        await put_once(engine, "B")

        await engine.step(MINUTE)
        due = "SELECT (due_at - occurrence) / 1000, attempt, lease_until, state FROM execution"
        assert await rows(engine, f"{due} WHERE id = 'x2'") == [(100, 0, None, "claimed")]
        await engine.step(SECOND)

        assert [one.job for one in engine.action.attempts] == ["A", "B"]
        assert engine.action.attempts[1].expected_time == START + MINUTE
        assert [one.start_time for one in await engine.history("B")] == [START + MINUTE + SECOND]


async def test_what_is_too_much_for_a_second_is_held_back(tmp_path: Path, clock: FakeClock) -> None:
    limits = Limits(attempts_per_host=1000, starts_per_second=2)
    async with open_engine(tmp_path, clock, limits=limits) as engine:
        for name in ("A", "B", "C"):
            await put_once(engine, name)

        await engine.step(MINUTE)
        assert len(engine.action.attempts) == 2
        await engine.step(2 * SECOND)

        assert len(engine.action.attempts) == 3


async def test_what_does_not_start_takes_no_place(tmp_path: Path, clock: FakeClock) -> None:
    """It comes too early, or while its attempt runs."""
    async with open_engine(tmp_path, clock, limits=ONE_AT_ONCE, horizon=MINUTE) as engine:
        engine.action.meanwhile = [lambda: wake(engine, "x2", attempt=1)]
        await put_once(engine, "A")
        await engine.put("B", action=action())
        await engine.ticker.tick()

        early = asyncio.create_task(wake(engine, "x2"))
        await clock.advance(timedelta(seconds=20))
        await wake(engine, "x1")
        await clock.advance(timedelta(seconds=40))
        await early

        assert [one.job for one in engine.action.attempts] == ["B", "A"]


async def test_a_place_is_given_back_after_a_success_a_failure_and_a_bug(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_engine(tmp_path, clock, limits=ONE_AT_ONCE) as engine:
        engine.action.outcomes = [FAILED]
        for name in ("A", "B", "C", "D"):
            await put_once(engine, name)
        await clock.advance(MINUTE)
        await engine.ticker.tick()
        await wake(engine, "x1")
        await wake(engine, "x2")
        engine.action.meanwhile = [break_down]
        with pytest.raises(BugError):
            await wake(engine, "x3")

        await wake(engine, "x4")

        assert [one.job for one in engine.action.attempts] == ["A", "B", "C", "D"]


async def test_a_place_is_given_back_when_the_transaction_fails(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_engine(tmp_path, clock, limits=ONE_AT_ONCE) as engine:
        await put_once(engine, "A")
        await put_once(engine, "B")
        await clock.advance(MINUTE)
        await engine.ticker.tick()
        refuse = (
            "CREATE TRIGGER refuse BEFORE UPDATE ON job_timing BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
        await change(engine, refuse)
        with pytest.raises(sqlite3.IntegrityError, match="no"):
            await wake(engine, "x1")
        await change(engine, "DROP TRIGGER refuse")

        await wake(engine, "x2")

        assert [one.job for one in engine.action.attempts] == ["B"]


async def test_a_wake_up_of_what_has_ended_or_never_was_does_nothing(engine: EngineStack) -> None:
    await put_once(engine)
    await engine.step(MINUTE)
    await engine.told()

    await wake(engine, "x1", attempt=1)
    await wake(engine, "nothing", attempt=0)

    assert len(engine.action.attempts) == 1
    assert await engine.told() == []
