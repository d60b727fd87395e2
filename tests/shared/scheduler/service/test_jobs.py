from datetime import timedelta
from typing import Any

import pytest

from shared.clock import EPOCH
from shared.scheduler.action import Outcome
from shared.scheduler.stores.tables import job as job_table
from shared.wire.json_types import Json
from tests.shared.scheduler.engine_stack import FAILED, OK, EngineStack
from tests.shared.scheduler.scheduler_stack import JC, JOB, JOBS, Stack, job_collection

AUTHENTICATED: dict[str, Json] = {
    "action": {
        "type": "https",
        "request": {
            "uri": "https://e.org/",
            "method": "GET",
            "authentication": {"type": "basic", "username": "me", "password": "s3cr3t!"},
        },
    }
}


async def stored_text(stack: Stack) -> str:
    rows = await stack.database.read(
        lambda connection: connection.execute(job_table.select()).all()
    )
    return repr(rows)


async def test_put_creates_then_replaces(ready: Stack) -> None:
    created = await ready.call("PUT", f"{JOBS}/a?api-version=2014-04-01", JOB)
    replaced = await ready.call("PUT", f"{JOBS}/a", JOB | {"state": "Disabled"})

    assert (created.status, replaced.status) == (201, 200)
    assert created.body == (
        b'{"id":"a","action":{"request":{"uri":"http:\\/\\/e.org\\/","method":"GET"},"type":"http"},'
        b'"state":"enabled","status":{"nextExecutionTime":"2026-01-01T12:00:20Z",'
        b'"executionCount":0,"failureCount":0,"faultedCount":0}}'
    )
    assert replaced.json() == JOB | {"id": "a", "state": "disabled"}


async def test_a_job_keeps_the_name_of_who_made_it_and_is_found_by_any_case(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/Nightly", JOB)

    replaced = await ready.call("PUT", f"{JOBS}/NIGHTLY", JOB)
    found = await ready.call("GET", f"{JOBS.replace('jc1', 'JC1')}/nightly")

    assert (replaced.status, found.status) == (200, 200)
    assert found.json()["id"] == replaced.json()["id"] == "Nightly"


async def test_a_name_is_decoded_once(ready: Stack) -> None:
    created = await ready.call("PUT", f"{JOBS}/job%201%252Fx", JOB)

    assert created.json()["id"] == "job 1%2Fx"


async def test_post_makes_up_the_name(ready: Stack) -> None:
    first = await ready.call("POST", JOBS, JOB)
    second = await ready.call("POST", f"{JOBS}/", JOB)

    assert (first.status, second.status) == (201, 201)
    assert len(first.json()["id"]) == 32
    assert first.json()["id"] != second.json()["id"]
    found = await ready.call("GET", f"{JOBS}/{first.json()['id']}")
    assert found.json() == first.json()


async def test_p8_a_password_goes_in_and_never_comes_out(ready: Stack) -> None:
    created = await ready.call("PUT", f"{JOBS}/a", AUTHENTICATED)
    patched = await ready.call("PATCH", f"{JOBS}/a", {"state": "disabled"})
    listed = await ready.call("GET", JOBS)

    for reply in (created, patched, listed):
        assert b"s3cr3t!" not in reply.body
        assert b"sealed1" not in reply.body
        assert b'"username":"me"' in reply.body
    stored = await stored_text(ready)
    assert "s3cr3t!" not in stored
    assert "sealed1.k1." in stored


async def test_patch_merges_deeply_and_keeps_the_sealed_password(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", AUTHENTICATED)
    before = await stored_text(ready)

    patched = await ready.call(
        "PATCH", f"{JOBS}/a", {"action": {"request": {"method": "POST", "body": "b"}}}
    )

    request = patched.json()["action"]["request"]
    assert patched.status == 200
    assert request["method"] == "POST"
    assert request["authentication"] == {"username": "me", "type": "Basic"}
    sealed = before.partition("sealed1.k1.")[2].partition('"')[0]
    assert sealed in await stored_text(ready)


async def test_patch_removes_by_null_and_seals_what_it_brings(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", AUTHENTICATED)
    removed = await ready.call(
        "PATCH", f"{JOBS}/a", {"action": {"request": {"authentication": None}}}
    )
    brought = await ready.call("PATCH", f"{JOBS}/a", AUTHENTICATED)

    assert "authentication" not in removed.json()["action"]["request"]
    assert brought.json()["action"]["request"]["authentication"]["username"] == "me"
    assert "s3cr3t!" not in await stored_text(ready)


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"status": {"executionCount": 1}}, "$.status"),
        ({"id": "b"}, "$.id"),
        ({"state": "completed"}, "$.state"),
        ({"state": "faulted"}, "$.state"),
        ({"action": None}, "$.action"),
        ({"action": {"type": "carrierPigeon"}}, "$.action.type"),
        ({"recurrence": {"interval": 5}}, "$.recurrence.frequency"),
        ({"recurrence": {"frequency": "day", "endTime": "2000-01-01"}}, "$.recurrence.endTime"),
    ],
)
async def test_patch_refuses_what_would_not_be_a_job(
    ready: Stack, patch: dict[str, Json], path: str
) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)

    refused = await ready.call("PATCH", f"{JOBS}/a", patch)

    assert refused.status == 400
    assert refused.json()["error"]["code"] == "BadRequest"
    assert path in refused.json()["error"]["message"]
    assert (await ready.call("GET", f"{JOBS}/a")).json()["state"] == "enabled"


async def test_patch_cannot_make_a_job_larger_than_a_job_may_be(ready: Stack) -> None:
    def error_body(size: int) -> Json:
        request: Json = {"uri": "http://e.org/", "method": "POST", "body": "b" * size}
        return {"action": {"errorAction": {"type": "http", "request": request}}}

    main: dict[str, Any] = JOB | {
        "action": {
            "type": "http",
            "request": {
                "uri": "http://e.org/",
                "method": "POST",
                "body": "b" * 8192,
                "headers": {"h": "v" * 4000},
            },
        }
    }
    await ready.call("PUT", f"{JOBS}/a", main)

    fits = await ready.call("PATCH", f"{JOBS}/a", error_body(3000))  # type: ignore[arg-type]
    refused = await ready.call("PATCH", f"{JOBS}/a", error_body(8000))  # type: ignore[arg-type]

    assert (fits.status, refused.status) == (200, 400)


async def test_all_faults_of_a_job_are_told_with_their_paths(ready: Stack) -> None:
    refused = await ready.call(
        "PUT", f"{JOBS}/a", {"action": {"type": "x", "request": {"method": "GET"}}, "state": 5}
    )

    message = refused.json()["error"]["message"]
    assert refused.status == 400
    for path in ("$.action.type", "$.action.request.uri", "$.state"):
        assert path in message


MONDAYS: dict[str, Json] = {"frequency": "Week", "schedule": {"weekDays": ["Monday"], "hours": 5}}


async def test_days_of_month_with_weeks_are_refused_in_the_words_that_clients_know(
    ready: Stack,
) -> None:
    days: dict[str, Json] = {"schedule": {"monthDays": []}}
    await ready.call("PUT", f"{JOBS}/a", JOB | {"recurrence": MONDAYS})

    put = await ready.call("PUT", f"{JOBS}/b", JOB | {"recurrence": {"frequency": "Week", **days}})
    patched = await ready.call("PATCH", f"{JOBS}/a", {"recurrence": days})

    told = {
        "code": "BadRequest",
        "message": "Cannot set days of month with recurrence unit 'Week'.",
    }
    assert (put.status, patched.status) == (400, 400)
    assert put.json() == patched.json() == {"error": told}


async def test_patch_merges_a_schedule_and_replaces_its_arrays(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB | {"startTime": "2026-01-01T03:20:00Z"})
    await ready.call("PATCH", f"{JOBS}/a", {"recurrence": MONDAYS | {"count": 9}})

    patched = await ready.call(
        "PATCH",
        f"{JOBS}/a",
        {"recurrence": {"count": 0, "schedule": {"hours": None, "minutes": [30, 15]}}},
    )

    assert patched.json()["recurrence"] == {
        "frequency": "week",
        "interval": 1,
        "schedule": {"minutes": [30, 15], "weekDays": ["monday"]},
    }
    assert patched.json()["status"]["nextExecutionTime"] == "2026-01-05T00:15:00Z"


async def test_a_schedule_that_never_fires_is_refused(ready: Stack) -> None:
    recurrence: Json = {"frequency": "month", "interval": 12, "schedule": {"monthDays": [30]}}

    refused = await ready.call(
        "PUT", f"{JOBS}/a", JOB | {"startTime": "2026-02-01T00:00:00Z", "recurrence": recurrence}
    )

    assert refused.status == 400
    assert "$.recurrence.schedule.monthDays: never fires" in refused.json()["error"]["message"]


async def test_delete_removes_once(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)

    deleted = await ready.call("DELETE", f"{JOBS}/A")
    again = await ready.call("DELETE", f"{JOBS}/a")

    assert (deleted.status, deleted.body) == (200, b"")
    assert "content-length" not in deleted.headers
    assert again.status == 404
    assert again.body == b'{"error":{"code":"NotFound","message":"Job \'a\' cannot be found."}}'


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_unknown_collections_are_told_from_unknown_jobs(ready: Stack, method: str) -> None:
    elsewhere = f"{JOBS.replace('jc1', 'other')}/a"

    refused = await ready.call(method, elsewhere, JOB if method == "PUT" else "{}")

    assert refused.status == 404
    assert refused.json()["error"]["code"] == "ResourceNotFound"


async def test_lists_are_paged_filtered_and_in_order_of_names(ready: Stack) -> None:
    for name in "cab":
        await ready.call("PUT", f"{JOBS}/{name}", JOB)
    await ready.call("PUT", f"{JOBS}/off", JOB | {"state": "disabled"})

    async def names(query: str) -> list[str]:
        reply = await ready.call("GET", f"{JOBS}/?api-version=2014-04-01{query}")
        assert reply.status == 200
        return [job["id"] for job in reply.json()]

    assert await names("") == ["a", "b", "c", "off"]
    assert await names("&$skip=0") == ["a", "b", "c", "off"]
    assert await names("&$skip=1&$top=2") == ["b", "c"]
    assert await names("&$filter=state%20eq%20Disabled") == ["off"]
    assert await names("&$filter=state eq enabled&$top=1") == ["a"]
    assert await names("&$filter=state eq faulted") == []


async def test_an_empty_collection_lists_an_empty_array(ready: Stack) -> None:
    assert (await ready.call("GET", JOBS)).body == b"[]"


async def test_a_job_count_beyond_the_quota_is_a_conflict(stack: Stack) -> None:
    await stack.prepare(quota="<Quota><MaxJobCount>2</MaxJobCount></Quota>")
    for name in "ab":
        assert (await stack.call("PUT", f"{JOBS}/{name}", JOB)).status == 201

    refused = await stack.call("PUT", f"{JOBS}/c", JOB)
    replaced = await stack.call("PUT", f"{JOBS}/a", JOB)

    assert (refused.status, refused.json()["error"]["code"]) == (409, "Conflict")
    assert replaced.status == 200


async def test_a_job_too_frequent_for_the_plan_is_a_conflict(stack: Stack) -> None:
    await stack.prepare(plan="Free")
    every_minute: dict[str, Json] = {"recurrence": {"frequency": "minute", "interval": 59}}

    refused = await stack.call("PUT", f"{JOBS}/a", JOB | every_minute)
    hourly = await stack.call("PUT", f"{JOBS}/a", JOB | {"recurrence": {"frequency": "hour"}})
    patched = await stack.call("PATCH", f"{JOBS}/a", every_minute)

    assert (refused.status, hourly.status, patched.status) == (409, 201, 409)
    assert "$.recurrence" in refused.json()["error"]["message"]


async def test_a_plan_may_be_lowered_only_as_far_as_its_jobs_allow(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", AUTHENTICATED)

    refused = await ready.call("PUT", JC, job_collection("Free"))
    await ready.call("DELETE", f"{JOBS}/a")
    lowered = await ready.call("PUT", JC, job_collection("Free"))

    assert (refused.status, lowered.status) == (409, 202)
    assert "authentication" in refused.text()


EVERY_FIVE: dict[str, Json] = {"recurrence": {"frequency": "minute", "interval": 5}}


@pytest.mark.parametrize(
    ("definition", "following"),
    [
        ({}, "2026-01-01T12:00:20Z"),
        ({"startTime": "2025-12-31T12:00:00Z"}, "2026-01-01T12:00:20Z"),
        ({"startTime": "2026-01-01T12:00:00Z"}, "2026-01-01T12:00:00Z"),
        ({"startTime": "2026-01-01T12:00:07.25"}, "2026-01-01T12:00:07.25Z"),
        ({"startTime": "2026-01-02T12:00:00+02:00"}, "2026-01-02T10:00:00Z"),
        (EVERY_FIVE, "2026-01-01T12:00:20Z"),
        (EVERY_FIVE | {"startTime": "2020-01-01T11:58:30.5Z"}, "2026-01-01T12:03:30.5Z"),
        (EVERY_FIVE | {"startTime": "2025-12-31T12:00:00Z"}, "2026-01-01T12:05:00Z"),
        (EVERY_FIVE | {"startTime": "2026-01-01T12:00:01Z"}, "2026-01-01T12:00:01Z"),
    ],
)
async def test_a_job_runs_first_by_the_documented_rules(
    ready: Stack, definition: dict[str, Json], following: str
) -> None:
    created = await ready.call("PUT", f"{JOBS}/a", JOB | definition)

    assert created.status == 201
    assert created.json()["status"]["nextExecutionTime"] == following
    assert (await ready.call("GET", f"{JOBS}/a")).json() == created.json()
    assert (await ready.call("GET", JOBS)).json() == [created.json()]


async def test_a_job_without_any_occurrence_is_completed_at_once(ready: Stack) -> None:
    ends: Json = {"frequency": "minute", "endTime": "2026-01-01T12:00:10Z"}

    created = await ready.call("PUT", f"{JOBS}/a", JOB | {"recurrence": ends})

    assert (created.status, created.json()["state"]) == (201, "completed")
    assert created.json()["status"] == {
        "executionCount": 0,
        "failureCount": 0,
        "faultedCount": 0,
    }
    found = await ready.call("GET", f"{JOBS}?$filter=state eq completed")
    assert found.json() == [created.json()]
    assert (await ready.call("GET", f"{JOBS}?$filter=state eq enabled")).json() == []


@pytest.mark.parametrize(
    ("outcome", "state"), [(OK, "completed"), (FAILED, "faulted")], ids=["completed", "faulted"]
)
async def test_a_job_in_a_final_state_can_only_be_read_and_deleted(
    ready: Stack, engine: EngineStack, outcome: Outcome, state: str
) -> None:
    once = JOB | {"action": JOB["action"] | {"retryPolicy": {"retryType": "none"}}}  # type: ignore[operator]
    await ready.call("PUT", f"{JOBS}/a", once)
    engine.action.outcomes = [outcome]
    await engine.step(timedelta(seconds=20))

    refused = [
        await ready.call("PUT", f"{JOBS}/A", once),
        await ready.call("PATCH", f"{JOBS}/a", {"state": "enabled"}),
        await ready.call("PATCH", f"{JOBS}/a", {"action": {"request": {"method": "POST"}}}),
        await ready.call("POST", f"{JOBS}/a/run"),
    ]
    found = (await ready.call("GET", f"{JOBS}/a")).json()

    for reply in refused:
        error = reply.json()["error"]
        assert (reply.status, error["code"]) == (409, "Conflict")
        assert error["message"].startswith(f"Job 'a' is {state}; only enabled and disabled jobs")
    assert (found["state"], found["action"]["request"]["method"]) == (state, "GET")
    assert "nextExecutionTime" not in found["status"]
    assert found["status"]["lastExecutionTime"] == "2026-01-01T12:00:20Z"
    listed = await ready.call("GET", f"{JOBS}?$filter=state eq {state}")
    assert listed.json() == [found]
    assert (await ready.call("DELETE", f"{JOBS}/a")).status == 200
    assert (await ready.call("PUT", f"{JOBS}/a", JOB)).status == 201


async def test_times_are_checked_against_the_clock(ready: Stack) -> None:
    ended = (ready.clock.now() - timedelta(seconds=1)).isoformat()
    far = (ready.clock.now() + timedelta(days=549)).isoformat()

    refused = await ready.call(
        "PUT",
        f"{JOBS}/a",
        JOB | {"startTime": far, "recurrence": {"frequency": "day", "endTime": ended}},
    )
    accepted = await ready.call("PUT", f"{JOBS}/a", JOB | {"startTime": EPOCH.isoformat()})

    assert refused.status == 400
    assert "$.startTime" in refused.json()["error"]["message"]
    assert "$.recurrence.endTime" in refused.json()["error"]["message"]
    assert accepted.json()["startTime"] == "1970-01-01T00:00:00Z"
