import pytest

from tests.shared.scheduler.scheduler_stack import CLOUD_SERVICE, ROOT, Reply, Stack
from tests.shared.scheduler.service.arm.requests import (
    COLLECTION,
    GROUP,
    JOB,
    RESOURCES_VERSION,
    VERSION,
    C,
    S,
)

WEST_US = {"location": "West US"}
HOST = {"Host": "tocsin.example:8443"}


def resource(name: str, location: str, state: str = "Succeeded") -> dict[str, object]:
    return {
        "id": f"{S}/resourceGroups/{name}",
        "name": name,
        "location": location,
        "properties": {"provisioningState": state},
    }


async def follow(stack: Stack, reply: Reply) -> Reply:
    """Ask for the result at the place that `reply` names."""
    _, _, rest = reply.headers["location"].partition("//tocsin.example:8443")
    return await stack.call_arm("GET", rest, headers=HOST)


async def test_a_group_is_made_once_and_found_again(stack: Stack) -> None:
    made = await stack.call_arm("PUT", GROUP + RESOURCES_VERSION, WEST_US)
    again = await stack.call_arm("PUT", GROUP.upper() + RESOURCES_VERSION, {"LOCATION": "westus"})
    found = await stack.call_arm("GET", GROUP.lower() + RESOURCES_VERSION)

    assert (made.status, again.status, found.status) == (201, 200, 200)
    assert made.json() == again.json() == found.json() == resource("rg", "westus")


async def test_groups_are_listed_by_name_those_of_the_classic_surface_among_them(
    stack: Stack,
) -> None:
    for name in ("b", "A"):
        await stack.call_arm("PUT", f"{S}/resourceGroups/{name}{RESOURCES_VERSION}", WEST_US)
    await stack.call("PUT", f"{ROOT}/cloudservices/C-s", CLOUD_SERVICE)

    listed = await stack.call_arm("GET", f"{S}/resourceGroups{RESOURCES_VERSION}")

    assert listed.json() == {
        "value": [
            resource("A", "westus"),
            resource("b", "westus"),
            resource("C-s", "westeurope"),
        ]
    }


async def test_a_group_is_a_cloud_service_of_the_same_name(stack: Stack) -> None:
    await stack.call_arm("PUT", GROUP + RESOURCES_VERSION, WEST_US)

    shown = (await stack.call("GET", f"{ROOT}/cloudservices/rg")).text()

    assert "<Name>rg</Name><Label>rg</Label>" in shown
    assert "<Description>Resource group based cloud service.</Description>" in shown
    assert "<GeoRegion>West US</GeoRegion>" in shown


async def test_a_probe_tells_whether_there_is_one(stack: Stack) -> None:
    before = await stack.call_arm("HEAD", GROUP + RESOURCES_VERSION)
    await stack.call_arm("PUT", GROUP + RESOURCES_VERSION, WEST_US)
    after = await stack.call_arm("HEAD", GROUP + RESOURCES_VERSION)

    assert [(one.status, one.body) for one in (before, after)] == [(404, b""), (204, b"")]


async def test_a_deletion_goes_on_and_is_followed_to_its_end(arm: Stack) -> None:
    await arm.call_arm("PUT", f"{C}/jobs/j{VERSION}", JOB)

    accepted = await arm.call_arm("DELETE", GROUP + RESOURCES_VERSION, headers=HOST)
    going_on = await follow(arm, accepted)
    meanwhile = await arm.call_arm("GET", GROUP + RESOURCES_VERSION)
    await arm.work()
    ended = await follow(arm, accepted)

    assert [one.status for one in (accepted, going_on, ended)] == [202, 202, 200]
    assert accepted.headers["retry-after"] == going_on.headers["retry-after"] == "15"
    assert going_on.headers["location"] == accepted.headers["location"]
    assert meanwhile.json() == resource("rg", "westus", "Deleting")
    assert (await arm.call_arm("GET", GROUP + RESOURCES_VERSION)).status == 404
    assert (await arm.call("GET", f"{ROOT}/cloudservices/rg")).status == 404


async def test_nothing_is_made_in_a_group_that_goes(arm: Stack) -> None:
    await arm.call_arm("DELETE", GROUP + RESOURCES_VERSION)

    refused = [
        await arm.call_arm("PUT", f"{GROUP}{RESOURCES_VERSION}", WEST_US),
        await arm.call_arm("PUT", C + VERSION, COLLECTION),
        await arm.call_arm("DELETE", GROUP + RESOURCES_VERSION),
    ]

    assert [one.status for one in refused] == [409] * 3
    assert {one.json()["error"]["code"] for one in refused} == {"ResourceGroupBeingDeleted"}


@pytest.mark.parametrize("id", ["0" * 32, "x", "e30", "%00"])
async def test_a_result_of_nothing_is_not_found(arm: Stack, id: str) -> None:
    reply = await arm.call_arm("GET", f"{S}/operationresults/{id}{RESOURCES_VERSION}")

    assert (reply.status, reply.json()["error"]["code"]) == (404, "ResourceNotFound")


async def test_a_result_of_a_deletion_that_is_not_going_on_is_not_found(arm: Stack) -> None:
    accepted = await arm.call_arm("DELETE", GROUP + RESOURCES_VERSION, headers=HOST)
    await arm.work()
    await arm.call_arm("PUT", GROUP + RESOURCES_VERSION, WEST_US)

    assert (await follow(arm, accepted)).status == 404


async def test_the_result_of_any_operation_is_found_by_its_request_id(arm: Stack) -> None:
    deleted = await arm.call_arm("DELETE", C + VERSION)
    path = f"{S}/operationresults/{deleted.request_id}{RESOURCES_VERSION}"

    assert (await arm.call_arm("GET", path)).status == 200
