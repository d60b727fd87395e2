"""The published clients of ARM: jobs, method by method. Names of methods are Python's."""

from functools import partial
from typing import Any

import pytest

from tests.conformance.clients.arm_clients import ArmClient, answered, sent
from tests.conformance.clients.definitions import DEFINITIONS, SIMPLE, START_TIME, Definition
from tests.conformance.clients.driver import ClientError
from tests.conformance.clients.eventually import eventually
from tests.conformance.clients.method_cases import case_of
from tests.conformance.clients.service_process import SUBSCRIPTION

LATER = sent(Definition(SIMPLE["action"]))
JobCollection = tuple[str, str]


@pytest.fixture
def jc(arm: ArmClient, name: str) -> JobCollection:
    """A collection of this test: its group and its name."""
    body = {"location": "West US", "properties": {"sku": {"name": "Standard"}}}
    arm.call("job_collections.create_or_update", name, "jc1", body=body)
    return name, "jc1"


@pytest.mark.parametrize("definition", DEFINITIONS)
@case_of("jobs.create_or_update", "jobs.get")
def test_a_job_comes_back_as_it_was_put_and_without_its_secrets(
    arm: ArmClient, jc: JobCollection, definition: str
) -> None:
    job = DEFINITIONS[definition]
    created = arm.call("jobs.create_or_update", *jc, "a b%ü", body=sent(job))
    again = arm.call("jobs.create_or_update", *jc, "a b%ü", body=sent(job))

    found = arm.call("jobs.get", *jc, "a b%ü")

    assert created == again == found
    assert found["id"].startswith(
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{jc[0]}/providers/"
    )
    assert (found["name"], found["type"]) == (
        "jc1/a b%ü",
        "Microsoft.Scheduler/jobCollections/jobs",
    )
    status = found["properties"].pop("status")
    assert found["properties"] == answered(job)
    assert status["nextExecutionTime"] >= START_TIME


@case_of("jobs.patch")
def test_a_patch_keeps_what_it_does_not_name(arm: ArmClient, jc: JobCollection) -> None:
    job = DEFINITIONS["http with headers"]
    arm.call("jobs.create_or_update", *jc, "a", body=sent(job))

    patched = arm.call("jobs.patch", *jc, "a", body={"properties": {"state": "Disabled"}})

    assert patched["properties"] == {**answered(job), "state": "disabled"}


@case_of("jobs.list")
def test_jobs_are_listed_by_pages_and_by_state(arm: ArmClient, jc: JobCollection) -> None:
    assert arm.call("jobs.list", *jc) == []
    for number in range(5):
        arm.call("jobs.create_or_update", *jc, f"job{number}", body=LATER)
    arm.call("jobs.patch", *jc, "job3", body={"properties": {"state": "Disabled"}})

    def names(**options: Any) -> list[str]:
        return [job["name"].partition("/")[2] for job in arm.call("jobs.list", *jc, **options)]

    assert names() == [f"job{number}" for number in range(5)]
    assert names(top=2, skip=1) == ["job1", "job2"]
    assert names(filter="state eq disabled") == ["job3"]
    assert names(filter="state eq Enabled", top=2, skip=1) == ["job1", "job2"]


@case_of("jobs.delete")
def test_a_deleted_job_is_missing(arm: ArmClient, jc: JobCollection) -> None:
    arm.call("jobs.create_or_update", *jc, "a", body=LATER)

    assert arm.call("jobs.delete", *jc, "a") is None

    for method in ("jobs.get", "jobs.delete", "jobs.run"):
        with pytest.raises(ClientError, match="Job 'a' cannot be found") as missing:
            arm.call(method, *jc, "a")
        assert missing.value.status == 404
        assert missing.value.type in {"ResourceNotFoundError", "Error"}


@case_of("jobs.run", "jobs.list_job_history")
def test_a_run_is_told_in_the_history(arm: ArmClient, jc: JobCollection, target: str) -> None:
    for name, path in (("good", ""), ("bad", "broken")):
        action = {"request": {"uri": f"{target}/{path}", "method": "GET"}, "type": "http"}
        job = Definition({**action, "retryPolicy": {"retryType": "none"}})
        arm.call("jobs.create_or_update", *jc, name, body=sent(job))
        assert arm.call("jobs.run", *jc, name) is None

    def history(name: str, **options: Any) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = arm.call("jobs.list_job_history", *jc, name, **options)
        return records

    (good,) = eventually(lambda: history("good", filter="status eq completed"))
    (bad,) = eventually(lambda: history("bad", filter="status eq failed", top=5))
    record, path = good["properties"], f"{jc[1]}/good/"

    assert good["type"] == "Microsoft.Scheduler/jobCollections/jobs/history"
    assert good["name"].startswith(path)
    assert (record["actionName"], record["repeatCount"], record["retryCount"]) == (
        "MainAction",
        1,
        0,
    )
    assert record["message"].startswith("Http Action - Response from host '127.0.0.1': 'OK'")
    assert record["startTime"] <= record["endTime"]
    assert "status" not in record
    assert bad["properties"]["status"] == "failed"
    assert history("good", skip=1) == history("good", filter="status eq failed") == []
    assert arm.call("jobs.get", *jc, "good")["properties"]["status"]["executionCount"] == 1


def test_history_is_paged_from_the_newest_on(
    arm: ArmClient, jc: JobCollection, target: str
) -> None:
    action = {"request": {"uri": target, "method": "GET"}, "type": "http"}
    arm.call("jobs.create_or_update", *jc, "a", body=sent(Definition(action)))

    def history(**options: int) -> list[str]:
        records = arm.call("jobs.list_job_history", *jc, "a", **options)
        return [record["properties"]["startTime"] for record in records]

    def has_run(times: int) -> bool:
        return len(history()) == times

    for times in (1, 2, 3):
        arm.call("jobs.run", *jc, "a")
        eventually(partial(has_run, times))
    starts = history()

    assert starts == sorted(starts, reverse=True)
    assert history(top=2) == starts[:2]
    assert history(top=2, skip=2) == starts[2:]


def test_what_is_wrong_with_a_job_is_told_in_words(arm: ArmClient, jc: JobCollection) -> None:
    recurrence = {"frequency": "week", "schedule": {"monthDays": [1]}}
    bad = sent(Definition(SIMPLE["action"], recurrence))

    with pytest.raises(ClientError, match="Cannot set days of month with recurrence") as refused:
        arm.call("jobs.create_or_update", *jc, "a", body=bad)

    assert refused.value.status == 400


def test_too_many_jobs_conflict(arm: ArmClient, name: str) -> None:
    body = {"location": "West US", "properties": {"sku": {"name": "Free"}}}
    arm.call("job_collections.create_or_update", name, "jc1", body=body)
    for number in range(5):
        arm.call("jobs.create_or_update", name, "jc1", f"job{number}", body=LATER)

    with pytest.raises(ClientError, match="5") as conflict:
        arm.call("jobs.create_or_update", name, "jc1", "job5", body=LATER)
    arm.call("job_collections.begin_delete", name, "jc1")

    assert conflict.value.status == 409
