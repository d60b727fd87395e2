"""The published clients of ARM: job collections, method by method. Names of methods are Python's."""

from typing import Any

import pytest

from tests.conformance.clients.arm_clients import ArmClient
from tests.conformance.clients.conftest import OpenArm
from tests.conformance.clients.driver import Client, ClientError
from tests.conformance.clients.method_cases import case_of
from tests.conformance.clients.service_process import OTHER_SUBSCRIPTION, SUBSCRIPTION

MISSING = {"ResourceNotFoundError", "Error"}
COLLECTION: dict[str, Any] = {
    "location": "westus",
    "tags": {"Größe": "1 & 2"},
    "properties": {
        "sku": {"name": "Standard"},
        "state": "Enabled",
        "quota": {"maxJobCount": 9, "maxRecurrence": {"frequency": "Hour", "interval": 2}},
    },
}


def answered(group: str, name: str) -> dict[str, Any]:
    """Return the collection as the service shows it."""
    quota = {"maxJobCount": 9, "maxRecurrence": {"frequency": "hour", "interval": 2}}
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
        f"/providers/Microsoft.Scheduler/jobCollections/{name}",
        "type": "Microsoft.Scheduler/jobCollections",
        "name": name,
        "location": "West US",
        "tags": COLLECTION["tags"],
        "properties": {**COLLECTION["properties"], "quota": quota},
    }


def put(arm: ArmClient, group: str, name: str = "jc1") -> Any:
    return arm.call("job_collections.create_or_update", group, name, body=COLLECTION)


@case_of("job_collections.create_or_update", "job_collections.get")
def test_a_collection_comes_back_as_it_was_put(arm: ArmClient, name: str) -> None:
    created = put(arm, name)
    again = put(arm, name)
    found = arm.call("job_collections.get", name, "jc1")

    assert created == again == found == answered(name, "jc1")


@pytest.mark.parametrize("sku", ["Free", "P10Premium", "P20Premium"])
def test_every_plan_is_taken(arm: ArmClient, name: str, sku: str) -> None:
    body = {"location": "Japan East", "properties": {"sku": {"name": sku}}}

    created = arm.call("job_collections.create_or_update", name, "jc1", body=body)
    arm.call("job_collections.begin_delete", name, "jc1")

    assert created["properties"] == {"sku": {"name": sku}, "state": "Enabled"}
    assert created["location"] == "Japan East"


@case_of("job_collections.patch")
def test_a_patch_keeps_what_it_does_not_name(arm: ArmClient, name: str) -> None:
    put(arm, name)

    patched = arm.call("job_collections.patch", name, "jc1", body={"tags": {"b": "c"}})

    assert patched == {**answered(name, "jc1"), "tags": {**COLLECTION["tags"], "b": "c"}}


@case_of("job_collections.list_by_resource_group", "job_collections.list_by_subscription")
def test_collections_are_listed_by_group_and_by_subscription(arm: ArmClient, name: str) -> None:
    for each in ("jc1", "jc2"):
        put(arm, name, each)

    of_group = arm.call("job_collections.list_by_resource_group", name)
    of_subscription = arm.call("job_collections.list_by_subscription")

    assert of_group == [answered(name, "jc1"), answered(name, "jc2")]
    assert [each for each in of_subscription if each in of_group] == of_group


@case_of("job_collections.begin_disable", "job_collections.begin_enable")
def test_a_collection_is_disabled_and_enabled_to_the_end(arm: ArmClient, name: str) -> None:
    put(arm, name)

    def state() -> str:
        found: str = arm.call("job_collections.get", name, "jc1")["properties"]["state"]
        return found

    assert arm.call("job_collections.begin_disable", name, "jc1") is None
    assert state() == "Disabled"
    assert arm.call("job_collections.begin_enable", name, "jc1") is None
    assert state() == "Enabled"


@case_of("job_collections.begin_delete")
def test_a_deleted_collection_is_missing(arm: ArmClient, name: str) -> None:
    put(arm, name)

    assert arm.call("job_collections.begin_delete", name, "jc1") is None

    with pytest.raises(ClientError, match=f"'{name}' was not found") as missing:
        arm.call("job_collections.get", name, "jc1")
    assert missing.value.status == 404
    assert missing.value.type in MISSING


def test_what_is_wrong_with_a_collection_is_told_in_words(arm: ArmClient, name: str) -> None:
    body = {"location": "Atlantis", "properties": {"sku": {"name": "Standard"}}}

    with pytest.raises(ClientError, match="Atlantis") as refused:
        arm.call("job_collections.create_or_update", name, "jc1", body=body)

    assert refused.value.status == 400


@pytest.mark.parametrize("given", [{"token": "none"}, {"subscription": OTHER_SUBSCRIPTION}])
def test_strangers_and_other_subscriptions_are_refused(
    open_arm: OpenArm, arm: ArmClient, given: dict[str, str]
) -> None:
    stranger = open_arm(arm.kind, **given)

    with pytest.raises(ClientError) as refused:
        stranger.call("job_collections.list_by_subscription")

    assert refused.value.status in (401, 403)


def test_both_surfaces_show_one_store(arm: ArmClient, python_classic: Client, name: str) -> None:
    put(arm, name)

    classic = python_classic.call("get_job_collection", name, "jc1")
    group = python_classic.call("get_cloud_service", name)

    assert classic["intrinsic_settings"]["plan"] == "Standard"
    assert (group["label"], group["geo_region"]) == (name, "West US")
    assert group["description"] == "Resource group based cloud service."
