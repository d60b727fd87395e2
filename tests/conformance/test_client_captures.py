"""What five published clients really send, request by request, to a service that has what they ask for.

They were captured at a throw-away server whose answers were made up; `INSTEAD` says where ours is another, and why.
"""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.wire.json_types import JsonObject
from tests.clocks import FakeClock
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    JOB,
    ROOT,
    SUBSCRIPTION,
    Stack,
    job_collection,
    open_stack,
)

SUFFIX = ".requests.json"
FILES = {
    path.name.removesuffix(SUFFIX): json.loads(path.read_text())
    for path in (Path(__file__).parent / "recorded" / "client_captures").glob(f"*{SUFFIX}")
}
CLASSIC = sorted(name for name in FILES if "mgmt" not in name and "arm" not in name)
ARM = sorted(FILES.keys() - CLASSIC)
CAPTURED_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OPERATION = re.compile(r"(?<=/operations/)[0-9a-f]{32}")
OF_THE_THROW_AWAY_SERVER = "operationresults"
WEST_US = CLOUD_SERVICE.replace("West Europe", "West US")
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Scheduler"
API = "api-version=2016-03-01"

LABEL_IS_NO_XML = NOT_OF_A_DAY = NOT_OF_A_WEEK = 400
IN_ANOTHER_REGION, TAG_IS_OLD = 409, 412
ENTITLED, IS_THERE = 202, 200
INSTEAD = {
    "node-azure-asm-scheduler-0.10.2": {5: LABEL_IS_NO_XML, 8: ENTITLED, 11: TAG_IS_OLD},
    "node-azure-scheduler-0.10.4": {0: NOT_OF_A_DAY, 1: NOT_OF_A_DAY},
    "python-azure-mgmt-scheduler-7.0.0": {6: IS_THERE, 13: IS_THERE},
    "python-azure-servicemanagement-legacy-0.20.8": {7: IS_THERE},
    "node-azure-arm-scheduler-1.2.0-preview": {0: IN_ANOTHER_REGION, 7: NOT_OF_A_WEEK},
}


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path, FakeClock()) as opened:
        yield opened


async def prepare_classic(stack: Stack) -> str:
    """Make what the captured requests ask for, unless it is there; returns the id of an operation."""
    for name in ("cs1", "cs-WestUS-scheduler"):
        cs = f"{ROOT}/cloudservices/{name}"
        resources = f"{cs}/resources/scheduler"
        made = await stack.call("PUT", cs, WEST_US)
        await stack.call("PUT", f"{resources}/JobCollections/jc1", job_collection())
        await stack.work()
        job = await stack.call("PUT", f"{resources}/~/JobCollections/jc1/jobs/j1", JOB)
        assert job.status in (200, 201)
    return made.request_id


async def prepare_arm(stack: Stack) -> None:
    """Make what the captured requests ask for, unless it is there."""
    collection: JsonObject = {"location": "West US", "properties": {"sku": {"name": "Standard"}}}
    job: JsonObject = {"properties": JOB}
    for path, body in (("jc1", collection), ("jc1/jobs/j1", job)):
        made = await stack.call_arm("PUT", f"{GROUP}/jobCollections/{path}?{API}", body)
        assert made.status in (200, 201)


def expected(name: str) -> dict[int, int]:
    """Return the status of each request of a client."""
    captured = {
        number: one["status"]
        for number, one in enumerate(FILES[name])
        if OF_THE_THROW_AWAY_SERVER not in one["path"]
    }
    return captured | INSTEAD[name]


@pytest.mark.parametrize("name", CLASSIC)
async def test_requests_of_a_classic_client_are_answered(stack: Stack, name: str) -> None:
    answered = {}
    for number, request in enumerate(FILES[name]):
        operation = await prepare_classic(stack)
        target = OPERATION.sub(operation, CAPTURED_SUBSCRIPTION.sub(SUBSCRIPTION, request["path"]))
        reply = await stack.call(request["method"], target, request["body"], request["headers"])
        await stack.work()
        answered[number] = reply.status

    assert answered == expected(name)


@pytest.mark.parametrize("name", ARM)
async def test_requests_of_a_client_of_arm_are_answered(stack: Stack, name: str) -> None:
    answered = {}
    for number, request in enumerate(FILES[name]):
        if OF_THE_THROW_AWAY_SERVER in request["path"]:
            continue
        await prepare_arm(stack)
        target = CAPTURED_SUBSCRIPTION.sub(SUBSCRIPTION, request["path"])
        headers = {key.lower(): value for key, value in request["headers"].items()}
        headers["authorization"] = f"Bearer {stack.token}"
        reply = await stack.call_arm(request["method"], target, request["body"], headers)
        answered[number] = reply.status

    assert answered == expected(name)
