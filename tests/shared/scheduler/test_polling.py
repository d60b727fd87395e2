"""What becomes of an attempt that its target has accepted."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import from_microseconds
from shared.scheduler.action import Outcome, Poll
from shared.scheduler.limits import Limits
from shared.wire.job import JobExecutionStatus, JobState
from shared.wire.json_types import JsonObject
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import FAILED, OK, EngineStack, open_engine
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
)

LEASE = timedelta(seconds=90)
DAY = timedelta(hours=24)
URI = "http://other.example/status/1"


def accepted(after: timedelta = 10 * SECOND, uri: str = URI) -> Outcome:
    return Outcome(is_success=False, message="Accepted", poll=Poll(uri=uri, after=after))


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        yield opened


def polled(stack: EngineStack) -> list[str | None]:
    """Return of each call of the target what was polled, None where the work was asked for."""
    return [one.poll_uri for one in stack.action.attempts]


async def due_at(stack: EngineStack) -> datetime:
    [(due_at,)] = await rows(stack, "SELECT due_at FROM execution WHERE ended_at IS NULL")
    return from_microseconds(due_at)


async def test_an_accepted_attempt_is_polled_and_leaves_one_record(
    engine: EngineStack, caplog: pytest.LogCaptureFixture
) -> None:
    second = f"{URI}/2"
    engine.action.outcomes = [accepted(), accepted(30 * SECOND, second), OK]
    await put_once(engine)

    await engine.step(MINUTE)
    assert await engine.history("J") == []
    assert await engine.told() == []
    await engine.step(9 * SECOND)
    assert polled(engine) == [None]
    await engine.step(SECOND)
    await engine.step(30 * SECOND)

    assert polled(engine) == [None, URI, second]
    assert {(one.execution_id, one.number) for one in engine.action.attempts} == {("x1", 1)}
    (record,) = await engine.history("J")
    assert record.status is JobExecutionStatus.COMPLETED
    assert (record.start_time, record.end_time) == (START + MINUTE, START + MINUTE + 40 * SECOND)
    assert (record.repeat_count, record.retry_count, record.message) == (1, 0, "OK")
    assert ids(await engine.told()) == ["x1/MainAction/0", "x1/end", "x1/completed"]
    status = (await engine.job("J")).status
    assert (status.execution_count, status.failure_count) == (1, 0)
    assert "attempt failed" not in caplog.text
    assert await rows(engine, "SELECT poll_uri, polled_since FROM execution") == [(None, None)]


async def test_a_failure_told_by_a_poll_is_retried_anew(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted(), FAILED, OK]
    await put_once(engine, does=action(retries=1))

    await engine.step(MINUTE)
    await engine.step(10 * SECOND)
    await engine.step(30 * SECOND)

    assert polled(engine) == [None, URI, None]
    assert [one.number for one in engine.action.attempts] == [1, 1, 2]
    retried, first = await engine.history("J")
    assert (first.status, first.start_time) == (JobExecutionStatus.FAILED, START + MINUTE)
    assert retried.start_time == START + MINUTE + 40 * SECOND


async def test_an_error_action_may_be_accepted_too(engine: EngineStack) -> None:
    engine.action.outcomes = [FAILED, accepted(), OK]
    await put_once(engine, does=action(has_error_action=True))

    await engine.step(MINUTE)
    await engine.step(10 * SECOND)

    assert polled(engine) == [None, None, URI]
    assert ids(await engine.told())[-2:] == ["x1/end", "x1/faulted"]


async def test_after_a_day_an_accepted_attempt_has_failed(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted(DAY - SECOND), *[accepted(MINUTE)] * 2]
    await put_once(engine)

    await engine.step(MINUTE)
    await engine.clock.advance(DAY - SECOND)
    await engine.sweep.run_once(engine.clock.now())
    await engine.work()
    assert await due_at(engine) == START + MINUTE + DAY
    await engine.step(SECOND)

    (record,) = await engine.history("J")
    assert record.status is JobExecutionStatus.FAILED
    assert record.message == "NotFinished: 24 hours after the target accepted it. Accepted"
    assert (await engine.job("J")).state is JobState.FAULTED


async def test_what_has_finished_while_nobody_looked_has_succeeded(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted(), OK]
    await put_once(engine)

    await engine.step(MINUTE)
    await engine.step(3 * DAY)

    assert [one.status for one in await engine.history("J")] == [JobExecutionStatus.COMPLETED]


async def test_p5_a_poll_lost_with_its_process_is_a_poll_again(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted(), OK]
    await put_once(engine)
    await engine.step(MINUTE)
    engine.action.meanwhile = [break_down]
    with pytest.raises(BugError):
        await engine.step(10 * SECOND)

    await engine.clock.advance(LEASE)
    await engine.sweep.run_once(engine.clock.now())
    await engine.work()

    assert polled(engine) == [None, URI, URI]
    (record,) = await engine.history("J")
    assert record.start_time == START + MINUTE


async def test_polls_that_leave_their_answers_are_none_that_are_lost(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted()] * 20
    await put_once(engine)

    await engine.step(MINUTE)
    for _ in range(20):
        await engine.step(10 * SECOND)

    assert [one.message for one in await engine.history("J")] == ["OK"]


async def test_a_polling_execution_is_active(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted(LEASE), OK]
    await put_recurring(engine, count=2)

    for _ in range(4):
        await engine.step(MINUTE)

    assert await rows(engine, "SELECT state FROM execution ORDER BY occurrence") == [
        ("succeeded",),
        ("skipped",),
        ("succeeded",),
    ]


@pytest.mark.parametrize("change", ["put", "disable", "delete"])
async def test_a_change_of_the_job_ends_what_polls(engine: EngineStack, change: str) -> None:
    engine.action.outcomes = [accepted()]
    await put_once(engine)
    await engine.step(MINUTE)

    match change:
        case "put":
            await engine.put("J", startTime="2027-01-01T00:00:00Z")
        case "disable":
            await engine.patch("J", state="disabled")
        case _:
            await engine.delete("J")
    await engine.step(MINUTE)

    assert polled(engine) == [None]
    columns = "state, poll_uri, polled_since, due_at"
    assert await rows(engine, f"SELECT {columns} FROM execution") == [("failed", None, None, None)]
    assert ids(await engine.told()) == ["x1/end"]


async def test_what_is_accepted_after_a_change_of_the_job_ends_failed(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted()]
    engine.action.meanwhile = [lambda: engine.patch("J", state="disabled")]
    await put_once(engine, does=action(retries=1))

    await engine.step(MINUTE)
    await engine.step(MINUTE)

    assert polled(engine) == [None]
    assert ids(await engine.told()) == ["x1/MainAction/0", "x1/end"]


async def test_a_poll_goes_on_when_the_job_gets_another_action(engine: EngineStack) -> None:
    engine.action.outcomes = [accepted(), OK]
    await put_once(engine)
    await engine.step(MINUTE)
    request: JsonObject = {"method": "GET", "uri": "http://new.example/"}
    await amend(engine, "J", action={"type": "http", "request": request})

    await engine.step(10 * SECOND)

    last = engine.action.attempts[-1]
    assert (last.poll_uri, last.action["request"]) == (URI, request)


async def test_a_poll_takes_a_place_at_the_host_that_is_polled(
    tmp_path: Path, clock: FakeClock
) -> None:
    limits = Limits(attempts_per_host=1, starts_per_second=1000)
    async with open_engine(tmp_path, clock, limits=limits) as engine:
        engine.action.outcomes = [accepted(), accepted()]
        await put_once(engine)
        await engine.step(MINUTE)
        taken = limits.reservation()
        assert taken.take(host="other.example", job_collection_id=9, now=clock.now()) is None

        await engine.step(10 * SECOND)
        assert polled(engine) == [None]
        assert await due_at(engine) > clock.now()
        taken.release(now=clock.now())
        await engine.step(2 * SECOND)

        assert polled(engine) == [None, URI]
