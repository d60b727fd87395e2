"""Changes of jobs over the service, with the engine beside it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.events.cloudevent import CloudEvent
from shared.wire.json_types import Json
from tests.shared.scheduler.engine_stack import FAILED, EngineStack
from tests.shared.scheduler.scheduler_stack import JOB, JOBS, VERSION, Stack
from tests.traces import TRACEPARENT

A = f"{JOBS}/a"
SUBJECT = "/cloudservices/cs1/jobcollections/jc1/jobs/a"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
EVERY_MINUTE: dict[str, Json] = JOB | {"recurrence": {"frequency": "minute"}}
RETRIED_ONCE: dict[str, Json] = {
    "action": {
        "type": "http",
        "request": {"uri": "http://e.org/", "method": "GET"},
        "retryPolicy": {"retryType": "fixed", "retryInterval": "00:00:30", "retryCount": 1},
    }
}
# Two of its occurrences are within what is claimed ahead.
AT_HALF_PAST: dict[str, Json] = EVERY_MINUTE | RETRIED_ONCE | {"startTime": "2026-01-01T12:00:30Z"}
DISABLED: dict[str, Json] = {"state": "disabled"}
ENABLED: dict[str, Json] = {"state": "enabled"}
PASSWORD: dict[str, Json] = {
    "action": {
        "request": {"authentication": {"type": "Basic", "username": "me", "password": "s3cr3t!"}}
    }
}


async def status(stack: Stack) -> Any:
    return (await stack.call("GET", A)).json().get("status")


async def following(stack: Stack) -> str | None:
    next_time: str | None = (await status(stack)).get("nextExecutionTime")
    return next_time


def kinds(events: list[CloudEvent]) -> list[str]:
    return [event.type.removeprefix("tocsin.") for event in events]


async def changed(stack: Stack, method: str, body: dict[str, Json]) -> int:
    return (await stack.call(method, A, body)).status


@pytest.mark.parametrize(
    ("method", "body", "attempts"),
    [
        ("PUT", AT_HALF_PAST, 1),
        ("PATCH", {"startTime": "2026-01-01T12:00:30Z"}, 1),
        ("PATCH", {"startTime": "2026-01-01T13:00:00Z"}, 0),
        ("PATCH", {"recurrence": {"interval": 5}}, 1),
        ("PATCH", DISABLED, 0),
        ("PUT", JOB | DISABLED, 0),
        ("DELETE", {}, 0),
    ],
)
async def test_p5_what_was_claimed_before_a_change_is_superseded(
    ready: Stack, engine: EngineStack, method: str, body: dict[str, Json], attempts: int
) -> None:
    await ready.call("PUT", A, AT_HALF_PAST)
    await engine.ticker.tick()
    await engine.told()

    assert await changed(ready, method, body) == 200
    skipped, *_ = await engine.told()
    await engine.step(31 * SECOND)

    assert skipped.type == "tocsin.execution.skipped"
    assert skipped.data["reason"] == "superseded"
    assert skipped.data["firstExpectedExecutionTime"] == "2026-01-01T12:00:30Z"
    assert skipped.data["lastExpectedExecutionTime"] == "2026-01-01T12:01:30Z"
    assert len(engine.action.attempts) == attempts


async def test_p5_a_change_of_something_else_leaves_what_was_claimed(
    ready: Stack, engine: EngineStack
) -> None:
    await ready.call("PUT", A, AT_HALF_PAST)
    await engine.ticker.tick()

    await changed(ready, "PATCH", {"action": {"request": {"method": "POST"}}, **ENABLED})
    shown = await following(ready)
    await engine.step(31 * SECOND)

    (attempt,) = engine.action.attempts
    assert attempt.action["request"]["method"] == "POST"  # type: ignore[index, call-overload]
    assert shown == "2026-01-01T12:00:30Z"
    assert await following(ready) == "2026-01-01T12:01:30Z"
    assert "execution.skipped" not in kinds(await engine.told())


async def test_p5_an_occurrence_that_started_while_a_change_was_on_its_way_starts_once(
    ready: Stack, engine: EngineStack
) -> None:
    on_grid = EVERY_MINUTE | {"startTime": "2026-01-01T11:00:30Z"}
    await ready.call("PUT", A, on_grid)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await engine.step(30 * SECOND)
        return {"type": "http.request", "body": json.dumps(on_grid).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await ready.app(ready.scope("PUT", A, VERSION), receive, send)
    await engine.step()

    assert sent[0]["status"] == 200
    assert await following(ready) == "2026-01-01T12:01:30Z"
    assert len(engine.action.attempts) == 1


@pytest.mark.parametrize(("method", "body"), [("PUT", EVERY_MINUTE), ("PATCH", DISABLED)])
async def test_a_retry_that_waits_is_not_made_after_a_change(
    ready: Stack, engine: EngineStack, method: str, body: dict[str, Json]
) -> None:
    await ready.call("PUT", A, AT_HALF_PAST)
    engine.action.outcomes = [FAILED]
    await engine.step(30 * SECOND)
    assert len(engine.action.attempts) == 1
    await engine.told()

    await changed(ready, method, body)
    told = await engine.told()
    await engine.step(31 * SECOND)

    (failed,) = [event for event in told if event.type == "tocsin.execution.failed"]
    assert failed.data["attempts"] == 1
    first = engine.action.attempts[0].execution_id
    assert [one.execution_id for one in engine.action.attempts].count(first) == 1


async def test_counters_begin_again_with_put_and_go_on_after_patch(
    ready: Stack, engine: EngineStack
) -> None:
    await ready.call("PUT", A, AT_HALF_PAST)
    engine.action.outcomes = [FAILED, FAILED]
    for _ in range(2):
        await engine.step(30 * SECOND)

    counted = await status(ready)
    patched = await ready.call("PATCH", A, {"recurrence": {"interval": 2}})
    replaced = await ready.call("PUT", A, AT_HALF_PAST)

    expected = {"executionCount": 2, "failureCount": 2, "faultedCount": 1}
    assert expected.items() <= counted.items()
    assert expected.items() <= patched.json()["status"].items()
    assert patched.json()["status"]["lastExecutionTime"] == "2026-01-01T12:01:00Z"
    assert replaced.json()["status"] == {
        "nextExecutionTime": "2026-01-01T12:01:30Z",
        "executionCount": 0,
        "failureCount": 0,
        "faultedCount": 0,
    }


TO_THE_TICK: dict[str, Json] = {"startTime": "2026-01-01T11:00:30.1234567Z"}


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PUT", AT_HALF_PAST),
        ("PUT", AT_HALF_PAST | TO_THE_TICK),
        ("PUT", RETRIED_ONCE),
        ("PUT", AT_HALF_PAST | {"recurrence": {"frequency": "minute", "count": 1}}),
        ("PATCH", {"stateDetails": "why"}),
        ("PATCH", TO_THE_TICK),
        ("PATCH", {"recurrence": {"count": 1}}),
        ("PATCH", {"recurrence": {"count": 3}}),
        ("PATCH", {"recurrence": None}),
    ],
)
async def test_what_is_answered_to_a_change_is_what_is_stored(
    ready: Stack, engine: EngineStack, method: str, body: dict[str, Json]
) -> None:
    await ready.call("PUT", A, AT_HALF_PAST)
    engine.action.outcomes = [FAILED]
    await engine.step(30 * SECOND)

    answered = await ready.call(method, A, body)

    assert answered.status == 200
    assert answered.json()["status"] == await status(ready)
    assert answered.body == (await ready.call("GET", A)).body


async def test_a_disabled_job_has_no_status_and_gets_it_back(
    ready: Stack, engine: EngineStack
) -> None:
    await ready.call("PUT", A, AT_HALF_PAST)
    await engine.step(30 * SECOND)

    disabled = await ready.call("PATCH", A, DISABLED)
    await engine.step(10 * MINUTE)
    enabled = await ready.call("PATCH", A, ENABLED)

    assert "status" not in disabled.json()
    assert enabled.json()["status"]["executionCount"] == 1
    assert enabled.json()["status"]["nextExecutionTime"] == "2026-01-01T12:11:30Z"
    assert len(engine.action.attempts) == 1


async def test_a_disabled_job_whose_timing_is_changed_stays_without_occurrences(
    ready: Stack, engine: EngineStack
) -> None:
    await ready.call("PUT", A, JOB | DISABLED)

    await changed(ready, "PATCH", {"startTime": "2026-01-01T12:00:30Z"})
    await engine.step(MINUTE)
    assert engine.action.attempts == []

    await changed(ready, "PATCH", {"startTime": "2026-01-01T12:01:30Z", **ENABLED})
    await engine.step(MINUTE)
    assert len(engine.action.attempts) == 1


FAR: dict[str, Json] = {"startTime": "2026-02-01T00:00:00Z"}
OVER: dict[str, Json] = {"recurrence": {"frequency": "minute", "endTime": "2026-01-01T12:00:10Z"}}


@pytest.mark.parametrize(
    ("before", "method", "body", "told"),
    [
        (None, "PUT", JOB, ["job.created"]),
        (None, "PUT", JOB | DISABLED, ["job.created"]),
        (None, "PUT", JOB | OVER, ["job.created", "job.completed"]),
        (JOB, "PUT", JOB, ["job.updated"]),
        (JOB, "PUT", JOB | DISABLED, ["job.updated", "job.disabled"]),
        (JOB, "PUT", JOB | OVER, ["job.updated", "job.completed"]),
        (JOB | DISABLED, "PUT", JOB, ["job.updated", "job.enabled"]),
        (JOB, "PATCH", FAR, ["job.updated"]),
        (JOB, "PATCH", {}, ["job.updated"]),
        (JOB, "PATCH", ENABLED, ["job.updated"]),
        (JOB, "PATCH", DISABLED, ["job.disabled"]),
        (JOB, "PATCH", DISABLED | {"stateDetails": "why"}, ["job.disabled"]),
        (JOB, "PATCH", DISABLED | FAR, ["job.updated", "job.disabled"]),
        (JOB, "PATCH", OVER, ["job.updated", "job.completed"]),
        (JOB | DISABLED, "PATCH", ENABLED, ["job.enabled"]),
        (JOB | DISABLED, "PATCH", {"state": None}, ["job.enabled"]),
        (JOB | OVER | DISABLED, "PATCH", ENABLED, ["job.enabled", "job.completed"]),
        (JOB, "DELETE", {}, ["job.deleted"]),
    ],
)
async def test_every_change_is_told_once_by_what_it_was(
    ready: Stack,
    engine: EngineStack,
    before: dict[str, Json] | None,
    method: str,
    body: dict[str, Json],
    told: list[str],
) -> None:
    if before is not None:
        await ready.call("PUT", A, before)
        await engine.told()

    reply = await ready.call(method, A, body)
    events = await engine.told()

    assert kinds(events) == told
    for event in events:
        assert dict(event.extensions) == {}
        assert event.id == f"{reply.request_id}/1/{event.type.rpartition('.')[2]}"
        assert event.subject == SUBJECT
        assert event.time == ready.clock.now()
        if method != "DELETE":
            assert event.data == reply.json() == (await ready.call("GET", A)).json()


async def test_names_are_told_as_they_were_made(ready: Stack, engine: EngineStack) -> None:
    await ready.call("PUT", f"{JOBS}/Nightly", JOB)

    shouted = JOBS.replace("cs1", "CS1").replace("jc1", "JC1")
    await ready.call("PATCH", f"{shouted}/NIGHTLY", DISABLED)

    created, disabled = await engine.told()
    assert created.subject == disabled.subject == f"{SUBJECT[:-1]}Nightly"
    assert created.source == disabled.source


async def test_p8_events_hold_no_secrets(ready: Stack, engine: EngineStack) -> None:
    await ready.call("PUT", A, JOB)
    await ready.call("PATCH", A, PASSWORD)
    await ready.call("DELETE", A)

    told = repr(await engine.told())

    assert "'username': 'me'" in told
    assert "s3cr3t!" not in told
    assert "sealed1" not in told


async def test_what_is_refused_is_not_told(ready: Stack, engine: EngineStack) -> None:
    assert await changed(ready, "PATCH", FAR) == 404
    assert await changed(ready, "PUT", {}) == 400
    assert await changed(ready, "DELETE", {}) == 404

    assert await engine.told() == []


async def test_p4_a_change_that_is_asked_for_again_is_told_once(
    ready: Stack, engine: EngineStack
) -> None:
    again = ready.repeatable("0" * 8 + "-0000-0000-0000-" + "1" * 12)
    first = await ready.call("PUT", A, JOB, again)
    second = await ready.call("PUT", A, JOB, again)

    assert (second.status, second.body) == (first.status, first.body)
    assert kinds(await engine.told()) == ["job.created"]


@pytest.mark.parametrize(("given", "told"), [(TRACEPARENT, TRACEPARENT), ("no trace", None)])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_p10_a_change_of_a_job_is_told_in_the_trace_of_its_request_or_in_none(
    stack: Stack, engine: EngineStack, method: str, given: str, told: str | None
) -> None:
    await changed(stack, "PUT", JOB)
    (made,) = await engine.told()

    await stack.call(method, A, JOB, headers=VERSION | {"traceparent": given})

    (event,) = await engine.told()
    assert "traceparent" not in made.extensions
    assert event.extensions.get("traceparent") == told
