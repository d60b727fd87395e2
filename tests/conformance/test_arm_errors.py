"""Every error of the ARM surface that can occur here, by status and code, and how to come by it.

Those of tokens are in `test_authentication.py` besides, with every way in which one can be bad.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from shared.wire.json_types import JsonObject
from tests.shared.scheduler.scheduler_stack import Stack
from tests.shared.scheduler.service.arm.requests import (
    COLLECTION,
    GROUP,
    JOB,
    PROVIDER,
    RESOURCES_VERSION,
    VERSION,
    C,
    S,
    prepare,
)

J = f"{C}/jobs/j"
NO = f"{PROVIDER}/jobCollections/no"
HOURLY: JsonObject = {"frequency": "Hour", "interval": 1}
FREE: JsonObject = {"location": "West US", "properties": {"sku": {"name": "Free"}}}
WEEKLY: JsonObject = {"frequency": "Week", "schedule": {"monthDays": []}}
NOT_FOUND = (
    "The Resource 'Microsoft.Scheduler/jobcollections/no' under resource group 'rg' was not found."
)
MALFORMED = "Malformed Job Object. "
REGISTERED = (
    "No registered resource provider found for location '*' and API version '2017-01-01' for type "
    "'jobCollections'. The supported api-versions are '2016-03-01, 2016-01-01, 2014-08-01-preview'."
)


def properties(**members: Any) -> dict[str, Any]:
    action = {"type": "Http", "request": {"uri": "http://e.org/", "method": "GET"}}
    return {"properties": {"action": action, **members}}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request that is refused where there is a collection `jc` with a job `j` in a group `rg` in West US."""

    request: str
    body: Any = b""
    status: int
    code: str
    message: str
    is_gateway: bool = False


def gateway(request: str, status: int, code: str, message: str, body: Any = b"") -> Case:
    return Case(
        request=request, body=body, status=status, code=code, message=message, is_gateway=True
    )


def bad_job(message: str, body: Any, *, method: str = "PUT") -> Case:
    return Case(
        request=f"{method} {J}{VERSION}",
        body=body,
        status=400,
        code="BadRequest",
        message=message,
    )


def bad_collection(message: str, body: Any, *, method: str = "PUT") -> Case:
    return Case(
        request=f"{method} {C}{VERSION}",
        body=body,
        status=400,
        code="BadRequest",
        message=message,
    )


CASES = {
    "no version": gateway(
        f"GET {C}",
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    ),
    "an empty version": gateway(
        f"GET {C}?api-version=", 400, "MissingApiVersionParameter", "The api-version query"
    ),
    "a version that there never was": gateway(
        f"GET {C}?api-version=2017-01-01", 400, "NoRegisteredProviderFound", REGISTERED
    ),
    "no date as a version": gateway(
        f"GET {GROUP}?api-version=1",
        400,
        "InvalidApiVersionParameter",
        "The api-version '1' is invalid.",
    ),
    "too many parameters": Case(
        request=f"GET {C}{VERSION}{'&a=b' * 20}",
        status=400,
        code="BadRequest",
        message="query: has more than 20 parameters",
    ),
    "an unknown path": gateway(f"GET {S}/x{VERSION}", 404, "ResourceNotFound", "The resource"),
    "another provider": gateway(
        f"GET {S}/providers/Microsoft.Compute{VERSION}", 404, "ResourceNotFound", "The resource"
    ),
    "an unknown method": gateway(
        f"PATCH {C}/jobs{VERSION}",
        405,
        "InvalidHttpVerb",
        "The method must be one of GET here.",
    ),
    "a name that nothing can have": gateway(
        f"PUT {PROVIDER}/jobCollections/1{VERSION}",
        400,
        "BadRequest",
        "URL: job collection '1' is no name",
    ),
    "a long URL": gateway(
        f"GET {C}{VERSION}&x={'x' * 8192}", 400, "BadRequest", "URL: is longer than"
    ),
    "a large body": gateway(
        f"PUT {C}{VERSION}", 400, "BadRequest", "body: is larger than", b"x" * 65537
    ),
    "no such collection": gateway(f"GET {NO}{VERSION}", 404, "ResourceNotFound", NOT_FOUND),
    "no such collection to patch": gateway(
        f"PATCH {NO}{VERSION}", 404, "ResourceNotFound", NOT_FOUND, {}
    ),
    "no such collection to delete": gateway(
        f"DELETE {NO}{VERSION}", 404, "ResourceNotFound", NOT_FOUND
    ),
    "no such collection to enable": gateway(
        f"POST {NO}/enable{VERSION}", 404, "ResourceNotFound", NOT_FOUND
    ),
    "no such collection of a job": gateway(
        f"GET {NO}/jobs/j{VERSION}", 404, "ResourceNotFound", NOT_FOUND
    ),
    "no such collection for a job": gateway(
        f"PUT {NO}/jobs/j{VERSION}", 404, "ResourceNotFound", NOT_FOUND, JOB
    ),
    "no such job": Case(
        request=f"GET {C}/jobs/no{VERSION}",
        status=404,
        code="NotFound",
        message="Job 'no' cannot be found.",
    ),
    "no such job with a history": Case(
        request=f"GET {C}/jobs/no/history{VERSION}",
        status=404,
        code="NotFound",
        message="Job 'no' cannot be found.",
    ),
    "no such group": gateway(
        f"GET {S}/resourceGroups/no{RESOURCES_VERSION}",
        404,
        "ResourceGroupNotFound",
        "Resource group 'no' could not be found.",
    ),
    "no such group to list": gateway(
        f"GET {S}/resourceGroups/no/providers/Microsoft.Scheduler/jobCollections{VERSION}",
        404,
        "ResourceGroupNotFound",
        "Resource group 'no' could not be found.",
    ),
    "no such result": gateway(
        f"GET {S}/operationresults/no{RESOURCES_VERSION}",
        404,
        "ResourceNotFound",
        "The operation result 'no' was not found.",
    ),
    "a group elsewhere": gateway(
        f"PUT {GROUP}{RESOURCES_VERSION}",
        409,
        "InvalidResourceGroupLocation",
        "Invalid resource group location 'eastus'. The Resource group already exists in location "
        "'westus'.",
        {"location": "East US"},
    ),
    "a group nowhere": gateway(
        f"PUT {GROUP}{RESOURCES_VERSION}",
        400,
        "LocationNotAvailableForResourceGroup",
        "The provided location 'Mars' is not available for resource group.",
        {"location": "Mars"},
    ),
    "a collection elsewhere": gateway(
        f"PUT {C}{VERSION}",
        409,
        "InvalidResourceLocation",
        "The resource 'jc' already exists in location 'westus' in resource group 'rg'. A resource "
        "with the same name cannot be created in location 'eastus'. Please select a new resource "
        "name.",
        {"location": "East US"},
    ),
    "a collection moved": gateway(
        f"PATCH {C}{VERSION}",
        409,
        "InvalidResourceLocation",
        "The resource 'jc' already exists",
        {"location": "eastus"},
    ),
    "a collection without a place": gateway(
        f"PUT {C}{VERSION}",
        400,
        "LocationRequired",
        "The location property is required for this definition.",
        {"properties": {}},
    ),
    "a collection nowhere": gateway(
        f"PUT {C}{VERSION}",
        400,
        "LocationNotAvailableForResourceType",
        "The provided location 'Mars' is not available for resource type "
        "'Microsoft.Scheduler/jobCollections'. List of available regions is 'southcentralus,",
        {"location": "Mars"},
    ),
    "a body that is no JSON": gateway(
        f"PUT {C}{VERSION}",
        400,
        "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'is not JSON: ",
        b"{",
    ),
    "a body that is no object": gateway(
        f"PATCH {C}{VERSION}",
        400,
        "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'it must be a JSON object'",
        b"[]",
    ),
    "an unknown plan": bad_collection(
        "$.properties.sku.name: must be one of Free, Standard, Premium, P10Premium, P20Premium",
        COLLECTION | {"properties": {"sku": {"name": "Gold"}}},
    ),
    "an unknown member": bad_collection(
        "$.zones: is not a known member", COLLECTION | {"zones": []}
    ),
    "a quota beyond the plan": bad_collection(
        "$.properties.quota.maxJobCount: is 51; plan Standard allows 50",
        {"properties": {"quota": {"maxJobCount": 51}}},
        method="PATCH",
    ),
    "a state that is not to be set": bad_collection(
        "$.properties.state: must be one of Enabled, Disabled, Suspended",
        {"properties": {"state": "Deleted"}},
        method="PATCH",
    ),
    "a member given twice": bad_collection(
        "$.tags: is given more than once, differing in case",
        {"tags": {}, "Tags": {}},
        method="PATCH",
    ),
    "a second free collection": Case(
        request=f"PUT {NO}{VERSION}",
        body=FREE,
        status=403,
        code="ForbiddenError",
        message="The resource is blocked to recieve any updates.",
    ),
    "a plan that the jobs are too frequent for": Case(
        request=f"PUT {C}{VERSION}",
        body=COLLECTION
        | {"properties": {"quota": {"maxRecurrence": {"frequency": "day", "interval": 1}}}},
        status=409,
        code="Conflict",
        message="$.recurrence: ",
    ),
    "a job without an action": bad_job(
        f"{MALFORMED}$.properties.action: is required", {"properties": {}}
    ),
    "a job of nothing": bad_job(f"{MALFORMED}$.properties: is required", {}),
    "a job that is no JSON": bad_job(f"{MALFORMED}$: is not JSON", b"{"),
    "a job with two faults": bad_job(
        f"{MALFORMED}$.properties.state: must be one of enabled, disabled, completed, faulted; "
        "$.properties.x: is not a known member",
        properties(state="on", x=1),
    ),
    "a job of long ago": bad_job(
        f"{MALFORMED}$.properties.recurrence.endTime: is 2015-10-10T10:10:10Z, in the past",
        properties(recurrence={"frequency": "Day", "endTime": "2015-10-10T10:10:10Z"}),
    ),
    "a day of the month in a week": bad_job(
        "Cannot set days of month with recurrence unit 'Week'.", properties(recurrence=WEEKLY)
    ),
    "a day of the month in a week, by a patch": bad_job(
        "Cannot set days of month with recurrence unit 'Week'.",
        {"properties": {"recurrence": WEEKLY}},
        method="PATCH",
    ),
    "a patch with what no job has": bad_job(
        f"{MALFORMED}$.properties.action.request.uri: ",
        {"properties": {"action": {"request": {"uri": "ftp://x"}}}},
        method="PATCH",
    ),
    "a state that only the service sets": bad_job(
        f"{MALFORMED}$.properties.state: cannot be set to completed; use enabled or disabled",
        properties(state="Completed"),
    ),
    "a job more frequent than the plan": Case(
        request=f"PUT {J}{VERSION}",
        body=properties(recurrence={"frequency": "Minute", "interval": 1}),
        status=409,
        code="Conflict",
        message="$.recurrence: ",
    ),
    "a page that is none": Case(
        request=f"GET {C}/jobs{VERSION}&$top=0&$filter=x",
        status=400,
        code="BadRequest",
        message="$top: must be an integer from 1 to 1000; $filter: must be 'state eq'",
    ),
    "a page of a history that is too long": Case(
        request=f"GET {J}/history{VERSION}&$top=501",
        status=400,
        code="BadRequest",
        message="$top: must be an integer from 1 to 500",
    ),
    "half a repeatable request": gateway(
        f"DELETE {C}{VERSION}",
        400,
        "BadRequest",
        "Repeatability-First-Sent: must be an HTTP date",
    ),
    "a token that is none": gateway(
        f"GET {C}{VERSION}", 401, "InvalidAuthenticationToken", "The access token is invalid."
    ),
    "another subscription": gateway(
        f"GET /subscriptions/{'1' * 8}-1111-1111-1111-{'1' * 12}/resourceGroups{VERSION}",
        403,
        "",
        "",
    ),
}
HEADERS = {
    "half a repeatable request": {"Repeatability-Request-ID": "a"},
    "a token that is none": {"Authorization": "Bearer x"},
}
BEFORE: dict[str, JsonObject] = {
    "a second free collection": FREE,
    "a job more frequent than the plan": COLLECTION
    | {"properties": {"quota": {"maxRecurrence": HOURLY}}},
}


@pytest.mark.parametrize("name", CASES)
async def test_an_error_is_told_with_status_code_and_message(stack: Stack, name: str) -> None:
    case = CASES[name]
    await prepare(stack, BEFORE.get(name, COLLECTION))
    made = await stack.call_arm("PUT", J + VERSION, properties(recurrence=HOURLY))
    assert made.status == 201
    method, target = case.request.split()

    reply = await stack.call_arm(method, target, case.body, HEADERS.get(name, {}))

    error = reply.json()["error"]
    assert list(error) == ["code", "message"]
    assert (reply.status, error["code"]) == (case.status, case.code or error["code"])
    assert error["message"].startswith(case.message)
    assert ("x-ms-failure-cause" in reply.headers) == case.is_gateway
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
