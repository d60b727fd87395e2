from typing import Any

import pytest

from shared.wire.json_types import JsonObject
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    ROOT,
    Reply,
    Stack,
    job_collection,
)
from tests.shared.scheduler.service.arm.requests import (
    COLLECTION,
    GROUP,
    JOB,
    PROVIDER,
    VERSION,
    C,
    S,
)

QUOTA: JsonObject = {"maxJobCount": 20, "maxRecurrence": {"frequency": "Week", "interval": 1}}
CLASSIC = f"{ROOT}/cloudservices/rg/resources/scheduler"


async def put(stack: Stack, **members: Any) -> Reply:
    return await stack.call_arm("PUT", C + VERSION, COLLECTION | members)


async def patch(stack: Stack, **members: Any) -> Any:
    reply = await stack.call_arm("PATCH", C + VERSION, members)
    assert reply.status == 200, reply.text()
    return reply.json()


async def shown(stack: Stack) -> Any:
    return (await stack.call_arm("GET", C + VERSION)).json()


async def state_of_job(stack: Stack) -> str:
    job = await stack.call_arm("GET", f"{C}/jobs/j{VERSION}")
    return str(job.json()["properties"]["state"])


async def test_every_put_is_answered_201_and_replaces_everything(stack: Stack) -> None:
    first = await put(stack, tags={"a": "b"}, properties={"sku": {"name": "Free"}, "quota": None})
    second = await put(stack, properties={"sku": {"name": "p20premium"}, "quota": QUOTA})

    assert (first.status, second.status) == (201, 201)
    assert first.json()["tags"] == {"a": "b"}
    assert second.json() == await shown(stack)
    assert second.json() == {
        "id": C,
        "type": "Microsoft.Scheduler/jobCollections",
        "name": "jc",
        "location": "West US",
        "properties": {
            "sku": {"name": "P20Premium"},
            "state": "Enabled",
            "quota": {"maxJobCount": 20, "maxRecurrence": {"frequency": "week", "interval": 1}},
        },
    }


async def test_null_is_the_same_as_absent(stack: Stack) -> None:
    quota: JsonObject = {"maxJobCount": 20, "maxJobOccurrence": None, "maxRecurrence": None}
    nulls = await put(
        stack, tags=None, name=None, properties={"sku": None, "state": None, "quota": quota}
    )
    absent = await put(stack, properties={"quota": {"maxJobCount": 20}})

    assert (nulls.status, nulls.json()) == (201, absent.json())


@pytest.mark.parametrize("given", ["westus", "WEST US", "West US"])
async def test_a_location_is_shown_in_its_display_form(stack: Stack, given: str) -> None:
    assert (await put(stack, location=given)).json()["location"] == "West US"


@pytest.mark.parametrize("location", ["Canada Central", "Canada East", "West US 2", "eastus2"])
async def test_regions_of_later_years_are_known(stack: Stack, location: str) -> None:
    assert (await put(stack, location=location)).status == 201


async def test_what_was_answered_can_be_sent_back(stack: Stack) -> None:
    first = await put(stack, tags={"Name": "Ü"}, properties={"quota": QUOTA, "state": "Suspended"})

    again = await stack.call_arm("PUT", C + VERSION, first.json())

    assert again.json() == first.json() == await shown(stack)


async def test_a_patch_changes_what_it_names(stack: Stack) -> None:
    await put(stack, tags={"a": "1", "b": "2"}, properties={"quota": QUOTA})

    patched = await patch(
        stack,
        Tags={"a": None, "c": "3"},
        properties={"Quota": {"MaxRecurrence": {"interval": 2}}, "sku": {"name": "P10Premium"}},
    )

    assert patched == await shown(stack)
    assert patched["tags"] == {"b": "2", "c": "3"}
    assert patched["properties"] == {
        "sku": {"name": "P10Premium"},
        "state": "Enabled",
        "quota": {"maxJobCount": 20, "maxRecurrence": {"frequency": "week", "interval": 2}},
    }


async def test_null_in_a_patch_removes(stack: Stack) -> None:
    await put(stack, tags={"a": "1"}, properties={"quota": QUOTA})

    patched = await patch(stack, tags=None, properties={"quota": None})

    assert "tags" not in patched
    assert "quota" not in patched["properties"]


async def test_an_empty_patch_changes_nothing(arm: Stack) -> None:
    before = await shown(arm)

    assert await patch(arm) == before
    assert await patch(arm, location="westus", id="/x", name="y", type="z") == before


@pytest.mark.parametrize("state", ["Disabled", "Suspended"])
async def test_a_state_in_a_definition_stops_the_jobs_and_starts_them_again(
    arm: Stack, state: str
) -> None:
    await arm.call_arm("PUT", f"{C}/jobs/j{VERSION}", JOB)

    stopped = await put(arm, properties={"state": state})
    while_stopped = await state_of_job(arm)
    started = await patch(arm, properties={"state": "enabled"})

    assert (stopped.status, stopped.json()["properties"]["state"]) == (201, state)
    assert started["properties"]["state"] == "Enabled"
    assert (while_stopped, await state_of_job(arm)) == ("disabled", "enabled")


async def test_no_job_runs_in_a_suspended_collection(arm: Stack) -> None:
    await arm.call_arm("PUT", f"{C}/jobs/j{VERSION}", JOB)
    await patch(arm, properties={"state": "Suspended"})

    reply = await arm.call_arm("POST", f"{C}/jobs/j/run{VERSION}")

    assert (reply.status, reply.json()["error"]["code"]) == (409, "Conflict")


async def test_enable_and_disable_are_answered_when_the_jobs_have_followed(arm: Stack) -> None:
    await arm.call_arm("PUT", f"{C}/jobs/j{VERSION}", JOB)
    seen = []
    for verb in ("disable", "DISABLE", "enable"):
        reply = await arm.call_arm("POST", f"{C}/{verb}{VERSION}")
        state = (await shown(arm))["properties"]["state"]
        seen.append((reply.status, reply.body, state, await state_of_job(arm)))

    assert seen == [
        (200, b"", "Disabled", "disabled"),
        (200, b"", "Disabled", "disabled"),
        (200, b"", "Enabled", "enabled"),
    ]


async def test_a_deletion_is_over_when_it_is_answered(arm: Stack) -> None:
    await arm.call_arm("PUT", f"{C}/jobs/j{VERSION}", JOB)

    deleted = await arm.call_arm("DELETE", C + VERSION)
    again = await arm.call_arm("DELETE", C + VERSION)

    assert (deleted.status, deleted.body, again.status) == (200, b"", 404)
    assert (await arm.call_arm("GET", f"{PROVIDER}/jobCollections{VERSION}")).json() == {
        "value": [],
        "nextLink": None,
    }


async def test_collections_are_listed_by_group_and_name(stack: Stack) -> None:
    for group, name in (("rg", "b"), ("rg", "A"), ("B", "z"), ("a", "y")):
        path = f"{S}/resourceGroups/{group}/providers/microsoft.scheduler/jobcollections/{name}"
        assert (await stack.call_arm("PUT", path + VERSION, COLLECTION)).status == 201

    everywhere = await stack.call_arm(
        "GET", f"{S}/providers/Microsoft.Scheduler/jobCollections{VERSION}"
    )
    here = await stack.call_arm("GET", f"{PROVIDER}/jobCollections{VERSION}")

    ids = [one["id"].removeprefix(f"{S}/resourceGroups/") for one in everywhere.json()["value"]]
    middle = "/providers/Microsoft.Scheduler/jobCollections/"
    assert ids == [f"a{middle}y", f"B{middle}z", f"rg{middle}A", f"rg{middle}b"]
    assert [one["name"] for one in here.json()["value"]] == ["A", "b"]


async def test_both_surfaces_show_the_same_collections(stack: Stack) -> None:
    await stack.call("PUT", f"{ROOT}/cloudservices/rg", CLOUD_SERVICE)
    await stack.call("PUT", f"{CLASSIC}/JobCollections/old", job_collection("Free"))
    await stack.work()
    await put(stack, tags={"a": "b"})

    listed = await stack.call_arm("GET", f"{PROVIDER}/jobCollections{VERSION}")
    on_classic = (await stack.call("GET", f"{CLASSIC}/~/JobCollections/jc")).text()

    ours, old = listed.json()["value"]
    assert (old["name"], old["location"]) == ("old", "West Europe")
    assert old["properties"] == {"sku": {"name": "Free"}, "state": "Enabled"}
    assert (ours["name"], ours["location"]) == ("jc", "West US")
    assert "<GeoRegion>West US</GeoRegion>" in on_classic


async def test_an_update_on_the_classic_surface_keeps_what_only_arm_can_say(stack: Stack) -> None:
    await stack.call("PUT", f"{ROOT}/cloudservices/rg", CLOUD_SERVICE)
    await put(stack, tags={"a": "b"})

    updated = await stack.call("PUT", f"{CLASSIC}/JobCollections/jc", job_collection("P10Premium"))
    await stack.work()

    assert updated.status == 202
    after = await shown(stack)
    assert (after["location"], after["tags"]) == ("West US", {"a": "b"})
    assert after["properties"]["sku"] == {"name": "P10Premium"}


async def test_a_repeated_change_is_answered_as_the_first_time(arm: Stack) -> None:
    headers = arm.repeatable("again")
    body: JsonObject = {"properties": {"state": "Disabled"}}

    first = await arm.call_arm("PATCH", C + VERSION, body, headers)
    await arm.call_arm("POST", f"{C}/enable{VERSION}")
    second = await arm.call_arm("PATCH", C + VERSION, body, headers)

    assert first.json()["properties"]["state"] == "Disabled"
    assert (second.status, second.body) == (first.status, first.body)
    assert second.request_id == first.request_id
    assert (await shown(arm))["properties"]["state"] == "Enabled"


async def test_a_group_is_named_as_its_creator_did(arm: Stack) -> None:
    upper = await arm.call_arm("GET", C.replace("/rg/", "/RG/") + VERSION)

    assert upper.json()["id"] == C
    assert (await arm.call_arm("GET", f"{GROUP}{VERSION}")).json()["name"] == "rg"
