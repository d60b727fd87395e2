from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clocks import FakeClock
from tests.shared.scheduler.scheduler_stack import ROOT, Stack, open_stack
from tests.shared.wire.test_provider import ENTITLEMENT

REGISTER = f"{ROOT}/services?service=scheduler.JobCollections&action=register"
UNREGISTER = REGISTER.replace("register", "unregister")
ON_ARM = f"/subscriptions{ROOT}/providers/Microsoft.Scheduler?api-version=2016-03-01"
PROPERTIES = f"{ROOT}/resourceproviders/scheduler/Properties?resourceType=JobCollections"


def error(code: str, message: str) -> str:
    return f"<Code>{code}</Code><Message>{message}</Message>"


async def test_a_provider_is_registered_once(stack: Stack) -> None:
    first = await stack.call("PUT", REGISTER)
    again = await stack.call("PUT", REGISTER.lower())

    assert (first.status, first.body, first.headers["content-length"]) == (200, b"", "0")
    assert again.status == 409
    # In the words that were recorded for another resource type.
    assert again.text().endswith(
        "<Code>ConflictError</Code><Message>The resource type scheduler.JobCollections is already "
        "registered for this subscription.</Message></Error>"
    )


async def test_a_provider_that_is_not_registered_is_unregistered_all_the_same(stack: Stack) -> None:
    for _ in range(2):
        unregistered = await stack.call("PUT", UNREGISTER)
        assert (unregistered.status, unregistered.body) == (200, b"")
    assert (await stack.call("PUT", REGISTER)).status == 200
    assert (await stack.call("PUT", UNREGISTER)).status == 200
    assert (await stack.call("PUT", REGISTER)).status == 200


@pytest.mark.parametrize("action", ["register", "unregister"])
async def test_another_service_is_not_known(stack: Stack, action: str) -> None:
    refused = await stack.call("PUT", f"{ROOT}/services?service=website&action={action}")

    assert refused.status == 404
    assert error("ResourceNotFound", "The service name is unknown.") in refused.text()


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "services?action=register"),
        ("PUT", "services?service=&action=unregister"),
        ("PUT", "services?service=scheduler.JobCollections"),
        ("PUT", "services?service=scheduler.JobCollections&action=destroy"),
        ("GET", "resourceproviders/scheduler/Properties"),
        ("GET", "resourceproviders/scheduler/Properties?resourceType=Caching"),
    ],
)
async def test_a_parameter_that_is_missing_or_means_nothing_is_refused(
    stack: Stack, method: str, target: str
) -> None:
    refused = await stack.call(method, f"{ROOT}/{target}")

    assert refused.status == 400
    assert "<Code>MissingOrInvalidRequiredQueryParameter</Code>" in refused.text()


async def test_properties_are_told_in_any_case(stack: Stack) -> None:
    told = await stack.call("GET", PROPERTIES)
    again = await stack.call("GET", PROPERTIES.lower())

    assert (told.status, again.body) == (200, told.body)
    assert told.headers["content-type"] == "application/xml; charset=utf-8"
    assert "<Key>Plans</Key><Value>Free, Standard, Premium</Value>" in told.text()


async def test_properties_are_those_of_the_service_s_time(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2015, 9, 30, 23, 59, tzinfo=UTC))
    async with open_stack(tmp_path, clock) as stack:
        told = await stack.call("GET", PROPERTIES)

    assert "<Value>Free, Standard</Value>" in told.text()


async def test_an_unknown_provider_has_no_properties(stack: Stack) -> None:
    refused = await stack.call("GET", PROPERTIES.replace("scheduler", "cacheservice"))

    assert refused.status == 404
    assert "<Code>ResourceNotFound</Code>" in refused.text()


@pytest.mark.parametrize("name", ["scheduler", "Scheduler", "microsoft.scheduler"])
async def test_the_provider_tells_of_itself_as_on_arm(stack: Stack, name: str) -> None:
    told = await stack.call("GET", f"{ROOT}/resourceproviders/{name}")
    on_arm = await stack.call_arm("GET", ON_ARM)

    assert (told.status, told.json()) == (200, on_arm.json())
    assert told.headers["content-type"] == "application/json; charset=utf-8"


async def test_another_provider_is_not_known(stack: Stack) -> None:
    refused = await stack.call("GET", f"{ROOT}/resourceproviders/caching")

    assert refused.status == 404
    assert "<Code>ResourceNotFound</Code>" in refused.text()


async def test_an_entitlement_is_accepted_and_has_succeeded(stack: Stack) -> None:
    accepted = await stack.call("POST", f"{ROOT}/EntitleResource", ENTITLEMENT)
    refused = await stack.call("POST", f"{ROOT}/EntitleResource", "<EntitleResource/>")

    assert (accepted.status, accepted.body) == (202, b"")
    assert await stack.status(accepted) == "Succeeded"
    assert refused.status == 400
    for name in ("resourceProviderNameSpace", "type", "registrationDate"):
        assert f"$.{name}: is required" in refused.text()
