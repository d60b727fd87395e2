"""azure-arm-scheduler 1.2.0-preview: what is its own, that is steps of long operations, and pages by their URL."""

from typing import Any

import pytest

from tests.conformance.clients.arm_clients import sent
from tests.conformance.clients.conftest import OpenArm
from tests.conformance.clients.definitions import SIMPLE, Definition
from tests.conformance.clients.driver import Client
from tests.conformance.clients.method_cases import case_of
from tests.conformance.clients.service_process import SUBSCRIPTION, ServiceProcess

STANDARD = {"location": "West US", "properties": {"sku": {"name": "Standard"}}}
FORMS = ("", "WithHttpOperationResponse")


@pytest.fixture
def client(open_arm: OpenArm) -> Client:
    return open_arm("azure-arm-scheduler").client


@pytest.fixture
def group(client: Client, name: str) -> str:
    """A group of this test, with a collection in it and a job in that."""
    client.call("jobCollections.createOrUpdate", name, "jc1", STANDARD)
    client.call("jobs.createOrUpdate", name, "jc1", "a", sent(Definition(SIMPLE["action"])))
    return name


@case_of(
    *(
        f"jobCollections.{method}{form}"
        for method in ("beginDisable", "beginEnable", "beginDeleteMethod")
        for form in FORMS
    )
)
def test_what_was_begun_is_done(client: Client, group: str) -> None:
    def state() -> str:
        found: str = client.call("jobCollections.get", group, "jc1")["properties"]["state"]
        return found

    for form in FORMS:
        client.call(f"jobCollections.beginDisable{form}", group, "jc1")
        assert state() == "Disabled"
        client.call(f"jobCollections.beginEnable{form}", group, "jc1")
        assert state() == "Enabled"
    for form in FORMS:
        client.call("jobCollections.createOrUpdate", group, "jc1", STANDARD)
        client.call(f"jobCollections.beginDeleteMethod{form}", group, "jc1")
        assert client.call("jobCollections.listByResourceGroup", group) == []


@case_of(
    *(
        f"{method}Next{form}"
        for method in (
            "jobCollections.listBySubscription",
            "jobCollections.listByResourceGroup",
            "jobs.list",
            "jobs.listJobHistory",
        )
        for form in FORMS
    )
)
def test_a_page_is_the_same_by_its_url(client: Client, group: str, service: ServiceProcess) -> None:
    def page(method: str, path: str) -> list[Any]:
        url = f"{service.url}/subscriptions/{SUBSCRIPTION}{path}?api-version=2016-03-01"
        callback, response = (client.call(f"{method}Next{form}", url) for form in FORMS)
        assert callback == response
        found: list[Any] = callback
        return found

    provider = "/providers/Microsoft.Scheduler"
    of_group = f"/resourceGroups/{group}{provider}/jobCollections"
    collections = client.call("jobCollections.listByResourceGroup", group)

    assert collections[0] in page("jobCollections.listBySubscription", f"{provider}/jobCollections")
    assert page("jobCollections.listByResourceGroup", of_group) == collections
    assert [job["name"] for job in page("jobs.list", f"{of_group}/jc1/jobs")] == ["jc1/a"]
    assert page("jobs.listJobHistory", f"{of_group}/jc1/jobs/a/history") == client.call(
        "jobs.listJobHistory", group, "jc1", "a"
    )
