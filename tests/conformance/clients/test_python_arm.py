"""azure-mgmt-scheduler 7.0.0: what is its own."""

import pytest

from tests.conformance.clients.arm_clients import ArmClient, answered, sent
from tests.conformance.clients.conftest import OpenArm
from tests.conformance.clients.definitions import DEFINITIONS
from tests.conformance.clients.driver import ClientError
from tests.conformance.clients.method_cases import case_of

STANDARD = {"location": "West US", "properties": {"sku": {"name": "Standard"}}}
RETRYING = DEFINITIONS["http with headers"]
WITHOUT = DEFINITIONS["https with OAuth"]


@pytest.fixture(params=["azure-mgmt-scheduler", "azure-mgmt-scheduler.aio"])
def arm(request: pytest.FixtureRequest, open_arm: OpenArm) -> ArmClient:
    return open_arm(request.param)


@pytest.fixture
def unpatched(arm: ArmClient, open_arm: OpenArm) -> ArmClient:
    return open_arm(arm.kind, patched=False)


@pytest.fixture
def group(arm: ArmClient, name: str) -> str:
    """A group of this test, with a collection in it."""
    arm.call("job_collections.create_or_update", name, "jc1", body=STANDARD)
    return name


def test_unpatched_it_sends_what_is_stored_and_cannot_read_the_answer(
    arm: ArmClient, unpatched: ArmClient, group: str
) -> None:
    for method, given in (("create_or_update", {"body": sent(RETRYING)}), ("get", {})):
        with pytest.raises(ClientError) as unreadable:
            unpatched.call(f"jobs.{method}", group, "jc1", "a", **given)
        assert unreadable.value.type == "DeserializationError"

    found = arm.call("jobs.get", group, "jc1", "a")["properties"]

    assert found["action"] == answered(RETRYING)["action"]


def test_unpatched_it_reads_jobs_without_a_retry_interval(unpatched: ArmClient, group: str) -> None:
    unpatched.call("jobs.create_or_update", group, "jc1", "a", body=sent(WITHOUT))

    found = unpatched.call("jobs.get", group, "jc1", "a")["properties"]

    assert found["action"] == answered(WITHOUT)["action"]


@case_of("close")
def test_a_closed_client_leaves_the_others_alone(arm: ArmClient, unpatched: ArmClient) -> None:
    arm.call("job_collections.list_by_subscription")

    arm.call("close")

    assert isinstance(unpatched.call("job_collections.list_by_subscription"), list)
