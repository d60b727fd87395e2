"""azure-scheduler 0.10.4: jobs and their history, method by method."""

from typing import Any

import pytest

from tests.conformance.clients.conftest import Open
from tests.conformance.clients.definitions import DEFINITIONS, SIMPLE, START_TIME, Definition
from tests.conformance.clients.driver import Client, ClientError
from tests.conformance.clients.eventually import eventually
from tests.conformance.clients.method_cases import case_of

ISO = {"00:01:30": "PT1M30S"}
# It has no actions for Service Bus.
KNOWN = [name for name in DEFINITIONS if not name.startswith("service bus")]
NO_SCHEDULE: dict[str, list[object]] = {
    name: [] for name in ("days", "hours", "minutes", "monthDays", "monthlyOccurrences", "months")
}
LATER = {**SIMPLE, "startTime": START_TIME}


@pytest.fixture
def client(open_node_classic: Open, name: str) -> Client:
    """A client of a collection of this test."""
    cloud_services = open_node_classic(kind="azure-asm-scheduler cloud services")
    collections = open_node_classic(kind="azure-asm-scheduler")
    cloud_services.call(
        "cloudServices.create", name, {"label": "l", "description": "d", "geoRegion": "West US"}
    )
    collections.call("jobCollections.create", name, "jc1", {})
    return open_node_classic(kind="azure-scheduler", cloudService=name, jobCollection="jc1")


def renamed(value: Any, *, answered: bool) -> Any:
    """Return a definition in the words of this client, which differ from the wire's."""
    if isinstance(value, list):
        return [renamed(each, answered=answered) for each in value]
    if not isinstance(value, dict):
        return value
    words = {"storageAccount": "storageAccountName", "weekDays": "days"}
    document = {
        words.get(key, key): renamed(each, answered=answered) for key, each in value.items()
    }
    if "retryInterval" in document:
        iso = ISO[document["retryInterval"]]
        document["retryInterval"] = iso if answered else {"$duration": iso}
    if answered and "uri" in document:
        document.setdefault("headers", {})
    if answered and "schedule" in document:
        document["schedule"] = {**NO_SCHEDULE, **document["schedule"]}
    return document


def sent(definition: Definition) -> dict[str, Any]:
    job: dict[str, Any] = renamed(definition.sent, answered=False)
    return job


def answered(definition: Definition) -> dict[str, Any]:
    job: dict[str, Any] = renamed(definition.answered, answered=True)
    return job


@pytest.mark.parametrize("definition", KNOWN)
@case_of("jobs.create", "jobs.createOrUpdate", "jobs.get")
def test_a_job_comes_back_as_it_was_sent_and_without_its_secrets(
    client: Client, definition: str
) -> None:
    job = DEFINITIONS[definition]

    created = client.call("jobs.create", sent(job))
    put = client.call("jobs.createOrUpdate", "a b%ü", sent(job))
    again = client.call("jobs.createOrUpdate", "a b%ü", sent(job))
    found = [client.call("jobs.get", each["job"]["id"])["job"] for each in (created, put)]

    assert [each["statusCode"] for each in (created, put, again)] == [201, 201, 200]
    assert found == [created["job"], again["job"]]
    for each in found:
        assert each.pop("status")["executionCount"] == 0
    assert found[0].pop("id") != found[1].pop("id") == "a b%ü"
    assert found == [answered(job)] * 2


@case_of("jobs.list", "jobs.listWithFilter")
def test_jobs_are_listed_by_pages_and_by_state(client: Client) -> None:
    assert client.call("jobs.list", {})["jobs"] == []
    for number in range(5):
        client.call("jobs.createOrUpdate", f"job{number}", LATER)
    client.call("jobs.updateState", "job3", {"state": "disabled"})

    def ids(method: str, parameters: dict[str, Any]) -> list[str]:
        return [job["id"] for job in client.call(method, parameters)["jobs"]]

    assert ids("jobs.list", {}) == [f"job{number}" for number in range(5)]
    assert ids("jobs.list", {"skip": 1, "top": 2}) == ["job1", "job2"]
    assert ids("jobs.listWithFilter", {"state": "disabled"}) == ["job3"]
    assert ids("jobs.listWithFilter", {"state": "Enabled", "skip": 1, "top": 2}) == ["job1", "job2"]
    assert ids("jobs.listWithFilter", {"state": "faulted"}) == []


@case_of("jobs.updateState", "jobs.updateJobCollectionState")
def test_states_are_set_of_one_job_and_of_all(client: Client) -> None:
    for each in ("a", "b"):
        client.call("jobs.createOrUpdate", each, LATER)

    one = client.call(
        "jobs.updateState", "a", {"state": "disabled", "updateStateReason": "größer & <kleiner>"}
    )
    everyone = client.call("jobs.updateJobCollectionState", {"state": "disabled"})
    enabled = client.call("jobs.updateJobCollectionState", {"state": "enabled"})

    assert (one["job"]["id"], one["job"]["state"]) == ("a", "disabled")
    assert "status" not in one["job"]
    assert {job["id"]: job["state"] for job in everyone["jobs"]} == {
        "a": "disabled",
        "b": "disabled",
    }
    assert client.call("jobs.get", "b")["job"]["state"] == "enabled"
    assert "b" in {job["id"] for job in enabled["jobs"]}


@case_of("jobs.deleteMethod")
def test_a_deleted_job_is_missing(client: Client) -> None:
    client.call("jobs.createOrUpdate", "a", LATER)

    assert client.call("jobs.deleteMethod", "a")["statusCode"] == 200

    for method in ("jobs.get", "jobs.deleteMethod"):
        with pytest.raises(ClientError, match="Job 'a' cannot be found") as missing:
            client.call(method, "a")
        assert (missing.value.code, missing.value.status) == ("NotFound", 404)


@pytest.mark.parametrize(
    ("job", "recurrence", "told"),
    [
        ("a", {"frequency": "second", "interval": 1}, "recurrence.frequency"),
        ("a", {"frequency": "week", "schedule": {"monthDays": [1]}}, "Cannot set days of month"),
        ("a/b", None, "'a/b' is no name"),
    ],
)
def test_what_is_wrong_with_a_job_is_told_in_words(
    client: Client, job: str, recurrence: dict[str, Any] | None, told: str
) -> None:
    with pytest.raises(ClientError, match=told) as refused:
        client.call("jobs.createOrUpdate", job, {**LATER, "recurrence": recurrence})

    assert (refused.value.code, refused.value.status) == ("BadRequest", 400)


@case_of("jobs.getHistory", "jobs.getHistoryWithFilter")
def test_history_tells_what_was_tried(client: Client, target: str) -> None:
    def calling(path: str) -> dict[str, Any]:
        return {"request": {"uri": target + path, "method": "GET"}, "type": "http"}

    once = {"retryPolicy": {"retryType": "none"}, "errorAction": calling("/error")}
    for name, path in (("good", "/"), ("bad", "/broken")):
        client.call("jobs.createOrUpdate", name, {"action": {**calling(path), **once}})

    def history(name: str, **parameters: Any) -> list[dict[str, Any]]:
        method = "jobs.getHistoryWithFilter" if "status" in parameters else "jobs.getHistory"
        records: list[dict[str, Any]] = client.call(method, name, parameters)["jobHistory"]
        return records

    (good,) = eventually(lambda: history("good"))
    (bad,) = eventually(lambda: history("bad", status="failed"))
    (error,) = eventually(lambda: history("bad", status="completed"))
    states = [client.call("jobs.get", name)["job"]["state"] for name in ("good", "bad")]

    assert (good["id"], good["status"], good["actionName"]) == ("good", "completed", "MainAction")
    assert (good["repeatCount"], good["retryCount"]) == (1, 0)
    assert good["message"].startswith("Http Action - Response from host '127.0.0.1': 'OK'")
    assert good["startTime"] <= good["endTime"]
    assert (bad["status"], "InternalServerError" in bad["message"]) == ("failed", True)
    assert (bad["actionName"], error["actionName"]) == ("MainAction", "ErrorAction")
    assert history("good", status="failed") == history("good", skip=1, top=100) == []
    assert states == ["completed", "faulted"]


def test_a_quota_that_is_used_up_conflicts(
    client: Client, open_node_classic: Open, name: str
) -> None:
    collections = open_node_classic(kind="azure-asm-scheduler")
    tight = {"intrinsicSettings": {"plan": "Standard", "quota": {"maxJobCount": 1}}}
    collections.call("jobCollections.create", name, "jc1", tight)
    client.call("jobs.create", LATER)

    with pytest.raises(ClientError) as conflict:
        client.call("jobs.create", LATER)

    assert (conflict.value.code, conflict.value.status) == ("Conflict", 409)
