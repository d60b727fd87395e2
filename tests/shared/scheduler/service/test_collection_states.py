import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from shared.messaging.entities import SERVICE_OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.scheduler.service.operation_steps import JOBS_AT_ONCE
from shared.scheduler.service.operations import PATIENCE
from shared.scheduler.store import StoredJob
from shared.sql.database import Transaction
from shared.wire.job import JobState
from shared.wire.json_codec import encode_json
from shared.wire.json_types import Json
from tests.clocks import settle
from tests.shared.scheduler.engine_stack import EngineStack
from tests.shared.scheduler.scheduler_stack import (
    CS,
    JC,
    JC_PASSED,
    JOB,
    JOBS,
    ROOT,
    VERSION,
    Stack,
    job_collection,
)

MINUTELY: dict[str, Json] = JOB | {"recurrence": {"frequency": "minute"}}
DISABLED: dict[str, Json] = {"state": "disabled"}
ENABLED: dict[str, Json] = {"state": "enabled"}


async def states(stack: Stack) -> dict[str, str]:
    listed = await stack.call("GET", JOBS)
    return {job["id"]: job["state"] for job in listed.json()}


async def prepare(stack: Stack) -> None:
    """Make a job of each state."""
    await stack.call("PUT", f"{JOBS}/once", JOB)
    await stack.engine.step(timedelta(seconds=20))
    await stack.call("PUT", f"{JOBS}/on", MINUTELY)
    await stack.call("PUT", f"{JOBS}/off", MINUTELY | DISABLED)
    await stack.engine.told()


async def test_all_jobs_are_disabled_and_answered_at_once(
    stack: Stack, engine: EngineStack
) -> None:
    await prepare(stack)

    answer = await stack.call("PATCH", JOBS, DISABLED)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert {job["id"]: job["state"] for job in answer.json()} == {
        "once": "completed",
        "on": "disabled",
        "off": "disabled",
    }
    told = await engine.told()
    assert [(event.type, event.data["id"]) for event in told] == [("tocsin.job.disabled", "on")]
    assert await stack.status(answer) == "Succeeded"
    await engine.step(timedelta(hours=1))
    assert len(engine.action.attempts) == 1


async def test_all_jobs_are_enabled_and_planned(stack: Stack, engine: EngineStack) -> None:
    await prepare(stack)

    answer = await stack.call(
        "PATCH", f"{JOBS}/?api-version=2014-04-01", {"State": "Enabled", "stateDetails": "why"}
    )

    jobs = {job["id"]: job for job in answer.json()}
    assert {name: job["state"] for name, job in jobs.items()} == {
        "once": "completed",
        "on": "enabled",
        "off": "enabled",
    }
    assert "nextExecutionTime" in jobs["off"]["status"]
    assert "why" not in answer.text()
    await engine.step(timedelta(seconds=20))
    assert {attempt.job for attempt in engine.action.attempts} == {"once", "on", "off"}


async def test_a_patch_after_it_finds_the_new_state(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    await ready.call("PATCH", JOBS, DISABLED)

    patched = await ready.call("PATCH", f"{JOBS}/a", {"recurrence": {"frequency": "hour"}})

    assert patched.json()["state"] == "disabled"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", "{}", '{"state": null}', '{"state": "completed"}', '{"state": "on"}']
    + ['{"state": "disabled", "id": "a"}', '{"state": "disabled", "startTime": null}'],
)
async def test_what_is_no_state_is_refused(ready: Stack, body: str | bytes) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)

    refused = await ready.call("PATCH", JOBS, body)

    assert refused.status == 400
    assert refused.json()["error"]["code"] == "BadRequest"
    assert await states(ready) == {"a": "enabled"}


@pytest.mark.parametrize("query", ["", "?api-version=2014-04-01"])
async def test_without_a_tilde_it_is_the_same_with_errors_in_xml(ready: Stack, query: str) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)

    answer = await ready.call("PATCH", f"{JC}/jobs{query}", DISABLED)
    refused = await ready.call("PATCH", f"{JC}/jobs{query}", {"state": "on"})

    assert (answer.status, refused.status) == (200, 400)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert [job["state"] for job in answer.json()] == ["disabled"]
    assert await ready.status(answer) == "Succeeded"
    assert "<Code>BadRequest</Code>" in refused.text()
    assert await states(ready) == {"a": "disabled"}


async def test_of_an_unknown_collection_is_not_found(stack: Stack) -> None:
    for method, target in (("PATCH", JOBS), ("POST", f"{JC_PASSED}/enable")):
        refused = await stack.call(method, target, DISABLED if method == "PATCH" else b"")

        assert refused.status == 404
        assert refused.json()["error"]["code"] == "ResourceNotFound"


async def fill(stack: Stack, jobs: int) -> None:
    def insert(transaction: Transaction) -> None:
        definition = encode_json(JOB | ENABLED).decode()
        for number in range(jobs):
            row = StoredJob(name=f"j{number}", state=JobState.ENABLED, definition=definition)
            stack.store.jobs.insert(transaction.connection, 1, row)

    await stack.database.run(insert)


async def test_p12_many_jobs_are_changed_a_bounded_number_at_a_time(
    stack: Stack, engine: EngineStack
) -> None:
    await fill(stack, JOBS_AT_ONCE + 1)
    seen: list[int] = []

    async def look() -> None:
        seen.append(list((await states(stack)).values()).count("disabled"))

    stack.bell.meanwhile = [look] * 3
    answer = await stack.call("PATCH", JOBS, DISABLED)

    assert seen == [0, JOBS_AT_ONCE, JOBS_AT_ONCE + 1]
    assert [job["state"] for job in answer.json()] == ["disabled"] * (JOBS_AT_ONCE + 1)
    told = await engine.told()
    assert len({event.id for event in told}) == JOBS_AT_ONCE + 1


def taking_the_lease(stack: Stack) -> Callable[[], Awaitable[None]]:
    """Return somebody who has the lease of the only operation there is work for, and does nothing with it."""

    async def take() -> None:
        (message,) = await stack.broker.peek(SERVICE_OPERATIONS, max_messages=10)
        wake_up, now = WakeUp.decode(message.message.body), stack.clock.now()
        await stack.database.run(lambda tx: stack.store.work.start(tx, wake_up, now=now))

    return take


async def test_what_is_not_over_in_time_is_accepted_and_goes_on(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    ready.bell.meanwhile = [taking_the_lease(ready)]

    waiting = asyncio.create_task(ready.call("PATCH", JOBS, DISABLED))
    await settle()
    assert not waiting.done()
    await ready.clock.advance(PATIENCE)

    accepted = await waiting
    assert (accepted.status, accepted.body) == (202, b"")
    assert await ready.status(accepted) == "InProgress"
    await ready.clock.advance(timedelta(seconds=60))
    await ready.operations.sweep(ready.clock.now())
    await ready.work()
    assert await ready.status(accepted) == "Succeeded"
    assert await states(ready) == {"a": "disabled"}


async def test_p7_what_a_dead_process_left_is_carried_out_and_answered_when_asked_again(
    ready: Stack,
) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    ready.bell.meanwhile = [taking_the_lease(ready)]
    headers = ready.repeatable("id-1")
    dying = asyncio.create_task(ready.call("PATCH", JOBS, DISABLED, headers))
    await settle()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await states(ready) == {"a": "enabled"}

    await ready.operations.free_leases(ready.clock.now())
    again = await ready.call("PATCH", JOBS, DISABLED, headers)

    assert again.status == 200
    assert again.headers["repeatability-result"] == "accepted"
    assert [job["state"] for job in again.json()] == ["disabled"]


async def test_p4_a_repeated_request_is_answered_the_same_and_changes_nothing(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    headers = ready.repeatable("id-1")
    first = await ready.call("PATCH", JOBS, DISABLED, headers)
    await ready.call("PATCH", f"{JOBS}/a", ENABLED)

    again = await ready.call("PATCH", JOBS, DISABLED, headers)

    assert (again.status, again.body) == (first.status, first.body) == (200, first.body)
    assert again.request_id == first.request_id
    assert await states(ready) == {"a": "enabled"}


@pytest.mark.parametrize(
    ("ends", "status", "code"), [(False, 409, "ConflictError"), (True, 404, "ResourceNotFound")]
)
@pytest.mark.parametrize("target", [CS, JC])
async def test_a_deletion_meanwhile_wins(
    ready: Stack, target: str, ends: bool, status: int, code: str
) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)

    async def delete() -> None:
        deleted = await ready.call("DELETE", target)
        if ends:
            await ready.operations.finish(deleted.request_id)

    ready.bell.meanwhile = [delete]
    refused = await ready.call("PATCH", JOBS, DISABLED, headers := ready.repeatable("id-1"))

    assert refused.status == status
    assert refused.json()["error"]["code"] == code
    again = await ready.call("PATCH", JOBS, DISABLED, headers)
    assert (again.status, again.body) == (refused.status, refused.body)
    told = await ready.call("GET", f"{ROOT}/operations/{refused.request_id}")
    assert f"<HttpStatusCode>{status}</HttpStatusCode><Error><Code>{code}</Code>" in told.text()


async def test_a_stopped_collection_disables_its_jobs_and_starts_those_again(
    stack: Stack, engine: EngineStack
) -> None:
    await prepare(stack)

    stopped = await stack.call("POST", f"{JC_PASSED}/disable")

    assert (stopped.status, stopped.body) == (200, b"")
    assert await states(stack) == {"once": "completed", "on": "disabled", "off": "disabled"}
    assert "<State>Stopped</State>" in (await stack.call("GET", JC_PASSED)).text()
    assert "<State>Stopped</State>" in (await stack.call("GET", CS)).text()
    await engine.step(timedelta(hours=1))
    assert len(engine.action.attempts) == 1

    started = await stack.call("POST", f"{JC_PASSED}/enable")

    assert (started.status, started.body) == (200, b"")
    assert await states(stack) == {"once": "completed", "on": "enabled", "off": "disabled"}
    assert "<State>Started</State>" in (await stack.call("GET", JC_PASSED)).text()
    told = [(event.type, event.data["id"]) for event in await engine.told() if "id" in event.data]
    assert told == [("tocsin.job.disabled", "on"), ("tocsin.job.enabled", "on")]
    await engine.step(timedelta(seconds=20))
    assert len(engine.action.attempts) == 2


async def test_stopping_and_starting_again_changes_nothing_more(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    for word, state in (("disable", "disabled"), ("enable", "enabled")):
        for _ in range(2):
            assert (await ready.call("POST", f"{JC_PASSED}/{word}")).status == 200
            assert await states(ready) == {"a": state}


async def test_a_stopped_collection_keeps_its_new_etag_and_state_when_it_is_updated(
    ready: Stack,
) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    before = (await ready.call("PUT", JC, job_collection())).headers["etag"]
    await ready.work()
    await ready.call("POST", f"{JC_PASSED}/disable")

    stale = await ready.call("PUT", JC, job_collection(), VERSION | {"If-Match": before})
    updated = await ready.call("PUT", JC, job_collection())
    await ready.work()

    assert (stale.status, updated.status) == (412, 202)
    assert "<State>Stopped</State>" in (await ready.call("GET", JC_PASSED)).text()
    assert await states(ready) == {"a": "disabled"}


async def test_what_is_enabled_in_a_stopped_collection_waits_for_its_start(
    stack: Stack, engine: EngineStack
) -> None:
    await stack.call("PUT", f"{JOBS}/off", JOB | DISABLED)
    await stack.call("POST", f"{JC_PASSED}/disable")

    made = await stack.call("PUT", f"{JOBS}/new", MINUTELY)
    posted = await stack.call("POST", JOBS, MINUTELY)
    patched = await stack.call("PATCH", f"{JOBS}/off", ENABLED)
    replaced = await stack.call("PUT", f"{JOBS}/new", MINUTELY)

    for answer in (made, posted, patched, replaced):
        assert answer.json()["state"] == "disabled"
        assert "status" not in answer.json()
    assert await held(stack) == 3
    await engine.step(timedelta(hours=1))
    assert engine.action.attempts == []
    await stack.call("POST", f"{JC_PASSED}/enable")
    assert await held(stack) == 0
    assert set((await states(stack)).values()) == {"enabled"}
    await engine.step(timedelta(seconds=20))
    assert len(engine.action.attempts) == 3


async def held(stack: Stack) -> int:
    jobs = await stack.database.read(
        lambda connection: stack.store.jobs.following(connection, 1, after=0, limit=10)
    )
    return [job.is_held for job in jobs].count(True)


async def test_what_is_disabled_in_a_stopped_collection_stays_disabled(ready: Stack) -> None:
    for name in ("one", "two", "three"):
        await ready.call("PUT", f"{JOBS}/{name}", JOB)
    await ready.call("POST", f"{JC_PASSED}/disable")

    await ready.call("PATCH", f"{JOBS}/one", DISABLED)
    await ready.call("PUT", f"{JOBS}/two", JOB | DISABLED)
    await ready.call("PATCH", f"{JOBS}/three", {"startTime": "2026-02-01T00:00:00Z"})
    await ready.call("POST", f"{JC_PASSED}/enable")

    assert await states(ready) == {"one": "disabled", "two": "disabled", "three": "enabled"}


@pytest.mark.parametrize("state", ["disabled", "enabled"])
async def test_all_jobs_of_a_stopped_collection_are_as_wanted_when_it_starts(
    ready: Stack, state: str
) -> None:
    await ready.call("PUT", f"{JOBS}/on", JOB)
    await ready.call("PUT", f"{JOBS}/off", JOB | DISABLED)
    await ready.call("POST", f"{JC_PASSED}/disable")

    answer = await ready.call("PATCH", JOBS, {"state": state})
    await ready.call("POST", f"{JC_PASSED}/enable")

    assert [job["state"] for job in answer.json()] == ["disabled", "disabled"]
    assert set((await states(ready)).values()) == {state}


async def test_nothing_runs_in_a_stopped_collection_even_when_asked_for(
    ready: Stack, engine: EngineStack
) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    await ready.call("POST", f"{JC_PASSED}/disable")

    refused = await ready.call("POST", f"{JOBS}/a/run")
    await engine.step(timedelta(hours=1))

    assert refused.status == 409
    assert refused.json()["error"]["code"] == "Conflict"
    assert engine.action.attempts == []


async def test_a_job_that_cannot_be_read_is_passed_over(ready: Stack) -> None:
    def insert(transaction: Transaction) -> None:
        row = StoredJob(name="old", state=JobState.ENABLED, definition="{}")
        ready.store.jobs.insert(transaction.connection, 1, row)

    await ready.database.run(insert)
    await ready.call("PUT", f"{JOBS}/a", JOB)

    disabled = await ready.call("POST", f"{JC_PASSED}/disable")

    assert disabled.status == 200
    assert (await ready.call("GET", f"{JOBS}/a")).json()["state"] == "disabled"
