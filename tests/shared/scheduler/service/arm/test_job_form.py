from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.scheduler.execution_store import NewRecord
from shared.wire.job import JobExecutionStatus
from shared.wire.json_types import JsonObject
from tests.clocks import START
from tests.contracts.execution_store import CLAIMED
from tests.contracts.history_store import FAILURE, FIRST, at
from tests.shared.scheduler.scheduler_stack import Stack
from tests.shared.scheduler.service.arm.requests import JOB, VERSION, C

J = f"{C}/jobs/j"
BASIC: JsonObject = {"type": "basic", "username": "u", "password": "p"}


async def put(stack: Stack, properties: JsonObject, *, job: str = "j") -> Any:
    reply = await stack.call_arm("PUT", f"{C}/jobs/{job}{VERSION}", {"properties": properties})
    assert reply.status in (200, 201), reply.text()
    return reply.json()


async def patch(stack: Stack, properties: JsonObject) -> Any:
    reply = await stack.call_arm("PATCH", J + VERSION, {"properties": properties})
    assert reply.status == 200, reply.text()
    return reply.json()["properties"]


def http(**members: Any) -> JsonObject:
    return {"type": "HTTP", "request": {"uri": "http://e.org/", "method": "get", **members}}


async def test_a_job_is_made_and_replaced_and_shown_as_a_resource(arm: Stack) -> None:
    made = await arm.call_arm("PUT", J + VERSION, JOB)
    replaced = await arm.call_arm("PUT", J + VERSION, JOB)
    shown = await arm.call_arm("GET", J + VERSION)

    assert (made.status, replaced.status, shown.status) == (201, 200, 200)
    assert replaced.body == shown.body
    assert shown.text() == (
        f'{{"id":"{J}","type":"Microsoft.Scheduler/jobCollections/jobs","name":"jc/j",'
        '"properties":{"action":{"request":{"uri":"http://e.org/","method":"GET"},"type":"Http"},'
        '"state":"enabled","status":{"nextExecutionTime":"2026-01-01T12:00:20Z",'
        '"executionCount":0,"failureCount":0,"faultedCount":0}}}'
    )


async def test_words_are_written_as_recorded_and_the_callers_own_are_kept(arm: Stack) -> None:
    shown = await put(
        arm,
        {
            "action": {
                **http(headers={"ContEnt-TyPe": "x"}, authentication=BASIC, uri="http://e.org/%7E"),
                "RetryPolicy": {"RetryType": "Fixed", "retryInterval": "PT1M", "retryCount": 2},
                "errorAction": http(httpAuthentication=BASIC),
            },
            "recurrence": {
                "frequency": "Month",
                "schedule": {"monthlyOccurrences": [{"Day": "Monday", "Occurrence": 1}]},
            },
            "state": "Disabled",
        },
    )

    assert shown["properties"] == {
        "action": {
            "request": {
                "uri": "http://e.org/%7E",
                "method": "get",
                "headers": {"ContEnt-TyPe": "x"},
                "authentication": {"username": "u", "type": "Basic"},
            },
            "type": "Http",
            "retryPolicy": {
                "retryType": "fixed",
                "retryInterval": "00:01:00",
                "retryCount": 2,
            },
            "errorAction": {"request": {"uri": "http://e.org/", "method": "get"}, "type": "Http"},
        },
        "recurrence": {
            "frequency": "month",
            "interval": 1,
            "schedule": {"monthlyOccurrences": [{"day": "monday", "occurrence": 1}]},
        },
        "state": "disabled",
    }


async def test_what_was_answered_can_be_sent_back(arm: Stack) -> None:
    shown = await put(arm, {"startTime": "2026-02-01T00:00:00.1234567+01:00", "action": http()})

    again = await arm.call_arm("PUT", J + VERSION, shown)

    assert (again.status, again.json()) == (200, shown)
    assert shown["properties"]["startTime"] == "2026-01-31T23:00:00.1234567Z"


async def test_a_patch_goes_deep_and_keeps_credentials(arm: Stack) -> None:
    recurrence: JsonObject = {"frequency": "week", "count": 5, "endTime": "2027-01-01T00:00:00Z"}
    await put(arm, {"action": http(authentication=BASIC), "recurrence": recurrence})

    changed = await patch(
        arm,
        {
            "action": {"type": "Http", "request": {"method": "post", "body": "Hello"}},
            "recurrence": {"frequency": "Day", "interval": 2},
        },
    )
    removed = await patch(arm, {"action": {"request": {"authentication": None}}})

    assert changed["action"]["request"] == {
        "uri": "http://e.org/",
        "method": "post",
        "body": "Hello",
        "authentication": {"username": "u", "type": "Basic"},
    }
    assert changed["recurrence"] == {**recurrence, "frequency": "day", "interval": 2}
    assert "authentication" not in removed["action"]["request"]


async def test_a_state_alone_can_be_patched_and_the_status_says_nothing(arm: Stack) -> None:
    await put(arm, {"action": http()})

    disabled = await patch(arm, {"state": "DISABLED", "status": {"executionCount": 9}})
    enabled = await patch(arm, {"state": "Enabled"})

    assert "status" not in disabled
    assert (disabled["state"], enabled["state"]) == ("disabled", "enabled")


async def test_jobs_are_listed_in_pages_and_filtered(arm: Stack) -> None:
    for name, state in (("b", "Enabled"), ("A", "Disabled"), ("c", "Enabled")):
        await put(arm, {"action": http(), "state": state}, job=name)

    async def names(query: str) -> list[str]:
        reply = await arm.call_arm("GET", f"{C}/jobs{VERSION}{query}")
        assert reply.json()["nextLink"] is None
        return [one["name"] for one in reply.json()["value"]]

    assert await names("") == ["jc/A", "jc/b", "jc/c"]
    assert await names("&$top=1&$skip=1") == ["jc/b"]
    assert await names("&$TOP=1&$Filter=STATE eq 'enabled'") == ["jc/b"]
    assert await names("&$filter=state%20eq%20Disabled") == ["jc/A"]


async def test_a_job_is_deleted_and_run_with_nothing_in_the_answer(arm: Stack) -> None:
    await put(arm, {"action": http()})

    run = await arm.call_arm("POST", f"{J}/run{VERSION}")
    deleted = await arm.call_arm("DELETE", J + VERSION)

    assert [(one.status, one.body) for one in (run, deleted)] == [(200, b"")] * 2
    assert (await arm.call_arm("GET", J + VERSION)).status == 404


class TestHistory:
    """What a history tells, and how much of it at once."""

    @pytest.fixture
    async def long(self, arm: Stack) -> Stack:
        """A job with 501 records, a second between two; the newest failed."""
        await put(arm, {"action": http(), "state": "Disabled"})
        execution = replace(CLAIMED, job_id=1, occurrence=START - timedelta(seconds=3))
        histories = [at(FIRST, START + timedelta(seconds=number)) for number in range(500)]
        histories.append(FAILURE)
        records = [NewRecord(execution=execution, history=one) for one in histories]
        await arm.database.run(lambda tx: arm.store.history.insert(tx, records))
        return arm

    async def _records(self, stack: Stack, query: str) -> list[Any]:
        reply = await stack.call_arm("GET", f"{J}/history{VERSION}{query}")
        assert (reply.status, reply.json()["nextLink"]) == (200, None)
        return list(reply.json()["value"])

    async def test_it_tells_500_records_unless_told_otherwise(self, long: Stack) -> None:
        everything = await self._records(long, "")

        assert len(everything) == 500
        assert await self._records(long, "&$top=5&$skip=5") == everything[5:10]
        assert len(await self._records(long, "&$skip=499")) == 2
        assert len(await self._records(long, "&$top=500&$filter=status eq Completed")) == 500
        assert await self._records(long, "&$filter=status eq failed") == everything[:1]

    async def test_a_record_is_named_by_when_it_was_made_and_stays_so(self, long: Stack) -> None:
        newest, before, *_ = await self._records(long, "&$top=3")

        assert newest["properties"]["status"] == JobExecutionStatus.FAILED
        assert "status" not in before["properties"]
        assert before["properties"]["expectedExecutionTime"] == "2026-01-01T11:59:57Z"
        assert before["id"].startswith(f"{J}/history/025")
        assert before["name"].rpartition("/")[2] == before["id"].rpartition("/")[2]
        assert [before] == await self._records(long, "&$top=1&$skip=1")


async def test_ids_have_the_names_as_they_were_given_however_a_request_spells_them(
    arm: Stack,
) -> None:
    await put(arm, {"action": http()})
    group, _, collection = C.partition("/providers/")
    parent, _, name = group.rpartition("/")
    path, _, own = collection.rpartition("/")
    shouted = f"{parent}/{name.upper()}/providers/{path}/{own.upper()}"
    assert shouted != C

    one = (await arm.call_arm("GET", shouted + VERSION)).json()
    many = (await arm.call_arm("GET", f"{parent}/{name.upper()}/providers/{path}{VERSION}")).json()
    job = (await arm.call_arm("GET", f"{shouted}/jobs/j{VERSION}")).json()
    jobs = (await arm.call_arm("GET", f"{shouted}/jobs{VERSION}")).json()
    replaced = (await arm.call_arm("PUT", f"{shouted}/jobs/j{VERSION}", JOB)).json()

    assert [each["id"] for each in (one, *many["value"])] == [C, C]
    assert [each["id"] for each in (job, *jobs["value"], replaced)] == [J] * 3
    assert {each["name"] for each in (job, *jobs["value"], replaced)} == {"jc/j"}
