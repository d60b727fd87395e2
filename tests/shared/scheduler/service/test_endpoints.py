"""What is asked of a job: to run now, and what became of its attempts."""

from datetime import timedelta
from typing import Any

import pytest

from tests.shared.scheduler.engine_stack import FAILED, EngineStack
from tests.shared.scheduler.scheduler_stack import JC_PASSED, JOB, JOBS, Stack

A = f"{JOBS}/a"
MINUTE = timedelta(minutes=1)
DAILY = JOB | {"recurrence": {"frequency": "day"}}
FAILS_TWICE = DAILY | {
    "startTime": "2026-01-01T12:00:00Z",
    "recurrence": {"frequency": "minute", "count": 2},
    "action": {
        "type": "http",
        "request": {"uri": "http://e.org/", "method": "GET"},
        "retryPolicy": {"retryType": "fixed", "retryInterval": "00:00:15", "retryCount": 1},
        "errorAction": {"type": "http", "request": {"uri": "http://e.org/no", "method": "GET"}},
    },
}


@pytest.mark.parametrize("state", ["enabled", "disabled"])
async def test_a_job_runs_when_it_is_asked_to_and_as_planned(
    ready: Stack, engine: EngineStack, state: str
) -> None:
    await ready.call("PUT", A, DAILY | {"state": state})

    run = await ready.call("POST", f"{A}/run")
    await engine.work()

    (attempt,) = engine.action.attempts
    assert (run.status, run.body) == (200, b"")
    assert (attempt.job, attempt.expected_time) == ("a", ready.clock.now())
    found = (await ready.call("GET", A)).json()
    assert found["state"] == state
    if state == "enabled":
        assert found["status"]["nextExecutionTime"] == "2026-01-01T12:00:20Z"
        assert found["status"]["executionCount"] == 1
    await engine.step(MINUTE)
    assert len(engine.action.attempts) == (2 if state == "enabled" else 1)


async def test_a_run_outlives_a_change_of_its_job_but_not_its_deletion(
    ready: Stack, engine: EngineStack
) -> None:
    for name in "ab":
        await ready.call("PUT", f"{JOBS}/{name}", DAILY)
        await ready.call("POST", f"{JOBS}/{name}/run")

    await ready.call("PUT", A, DAILY | {"state": "disabled"})
    await ready.call("DELETE", f"{JOBS}/b")
    await engine.work()

    assert [attempt.job for attempt in engine.action.attempts] == ["a"]


async def test_p4_a_run_that_is_asked_for_again_is_the_same_one(
    ready: Stack, engine: EngineStack
) -> None:
    await ready.call("PUT", A, DAILY)
    again = ready.repeatable("00000000-0000-0000-0000-00000000000a")

    replies = [await ready.call("POST", f"{A}/run", headers=again) for _ in range(2)]
    other = await ready.call("POST", f"{A}/run")
    await engine.work()

    assert [reply.status for reply in (*replies, other)] == [200, 200, 200]
    assert len(engine.action.attempts) == 2


async def test_a_run_is_told_by_the_id_that_its_caller_knows(
    ready: Stack, engine: EngineStack
) -> None:
    await ready.call("PUT", A, DAILY)
    asked = [
        await ready.call("POST", f"{A}/run", headers=ready.repeatable("operation-7")),
        await ready.call("POST", f"{A}/run"),
        # Not to be taken for an occurrence of the job's own.
        await ready.call("POST", f"{A}/run", headers=ready.repeatable("schedule")),
    ]
    await engine.work()

    ends = [one.data for one in await engine.told() if one.type == "tocsin.execution.succeeded"]
    assert {end["origin"] for end in ends} == {
        "operation-7",
        asked[1].request_id,
        asked[2].request_id,
    }


@pytest.mark.parametrize(("method", "suffix"), [("POST", "run"), ("GET", "history")])
async def test_nothing_can_be_asked_of_what_is_not_there(
    ready: Stack, method: str, suffix: str
) -> None:
    job = await ready.call(method, f"{JOBS}/none/{suffix}")
    collection = await ready.call(method, f"{JC_PASSED.replace('jc1', 'no')}/jobs/a/{suffix}")

    assert (job.status, job.json()["error"]["code"]) == (404, "NotFound")
    assert (collection.status, collection.json()["error"]["code"]) == (404, "ResourceNotFound")


@pytest.fixture
async def failed(ready: Stack, engine: EngineStack) -> Stack:
    """Two occurrences: the first fails for good, with an error action; the second succeeds at its retry."""
    await ready.call("PUT", A, FAILS_TWICE)
    engine.action.outcomes = [FAILED, FAILED]
    await engine.step()
    await engine.step(timedelta(seconds=15))
    await engine.work()
    engine.action.outcomes = [FAILED]
    await engine.step(timedelta(seconds=45))
    await engine.step(timedelta(seconds=15))
    return ready


async def history(stack: Stack, query: str = "") -> list[Any]:
    reply = await stack.call("GET", f"{A}/history?api-version=2014-04-01{query}")
    assert reply.status == 200
    records: list[Any] = reply.json()
    return records


async def test_history_is_a_bare_array_with_the_newest_first(failed: Stack) -> None:
    records = await history(failed)

    attempts = [(one["actionName"], one["repeatCount"], one["retryCount"]) for one in records]
    assert attempts == [
        ("MainAction", 2, 1),
        ("MainAction", 2, 0),
        ("ErrorAction", 1, 0),
        ("MainAction", 1, 1),
        ("MainAction", 1, 0),
    ]
    assert list(records[0].items()) == [
        ("jobId", "a"),
        ("timestamp", "2026-01-01T12:01:15Z"),
        ("startTime", "2026-01-01T12:01:15Z"),
        ("endTime", "2026-01-01T12:01:15Z"),
        ("state", "enabled"),
        ("message", "OK"),
        ("status", "completed"),
        ("actionName", "MainAction"),
        ("repeatCount", 2),
        ("retryCount", 1),
    ]


async def test_history_is_paged_and_filtered(failed: Stack) -> None:
    records = await history(failed)
    failures = [one for one in records if one["status"] == "failed"]

    assert len(failures) == 3
    assert await history(failed, "&$top=2") == records[:2]
    assert await history(failed, "&$skip=1&$top=3") == records[1:4]
    assert await history(failed, "&$skip=5") == []
    assert await history(failed, "&$filter=status eq failed") == failures
    assert await history(failed, "&$filter=status%20eq%20'Failed'&$skip=1&$top=1") == failures[1:2]
    assert await history(failed, "&$filter=status eq postponed") == []
    assert await history(failed, "&$filter=state eq enabled") == records
    assert await history(failed, "&$filter=state eq faulted and status eq failed") == []


async def test_p10_a_page_of_history_that_is_none_is_refused(failed: Stack) -> None:
    refused = await failed.call("GET", f"{A}/history?$top=101&$filter=colour eq red")

    assert refused.status == 400
    assert "$top" in refused.json()["error"]["message"]
    assert "$filter" in refused.json()["error"]["message"]


async def test_history_of_a_job_is_its_own_and_ends_with_it(failed: Stack) -> None:
    await failed.call("PUT", f"{JOBS}/b", DAILY)
    assert (await failed.call("GET", f"{JOBS}/b/history")).json() == []

    await failed.call("DELETE", A)
    await failed.call("PUT", A, DAILY)

    assert await history(failed) == []
