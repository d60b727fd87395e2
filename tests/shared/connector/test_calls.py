"""Every command against the real service: what is sent for it, and what comes of it, through both doors."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.client.memory import MemorySchedulerClient
from shared.connector.calls import target_of
from shared.connector.operations import Operation, OperationStatus
from shared.connector.rejection import QueueMessage
from shared.messaging.entities import COMMANDS
from shared.sql.inline import InlineDatabase
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import request_command, request_query
from shared.wire.json_types import Json
from shared.wire.routing import Match, connector_router
from tests.clocks import FakeClock
from tests.shared.connector.servers import ScriptedServer, answer, scripted
from tests.shared.connector.world import (
    JC,
    JOB,
    World,
    assemble,
    commands,
    message,
    migrated,
    opened,
)
from tests.shared.scheduler.scheduler_stack import CLOUD_SERVICE as XML_CLOUD_SERVICE
from tests.shared.scheduler.scheduler_stack import CS as SERVICE_PATH
from tests.shared.scheduler.scheduler_stack import Stack, open_stack
from tests.traces import TRACEPARENT

CS = "/cloudservices/cs1"
JOBS, A_JOB, PROVIDER = f"{JC}/jobs", f"{JC}/jobs/a", "/providers/scheduler"
SERVICE = {"label": "l", "geoRegion": "West Europe"}
PURCHASE = {
    "resourceProviderNameSpace": "scheduler",
    "type": "JobCollections",
    "registrationDate": "2016-01-01T00:00:00Z",
}
ROUTER = connector_router()
REQUEST_ID = "request id"
"""Stands for the id of a request that the service has answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command, and what its operation ends with; the result has at least these members, or so many items."""

    name: str
    resource: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    if_match: str | None = None
    status: int = 200
    result: Json = None

    def message(self, request_id: str) -> bytes:
        document = {
            "command": self.name,
            "resource": self.resource.replace(REQUEST_ID, request_id),
            "body": self.body,
            "query": {**self.query},
            "ifMatch": self.if_match,
        }
        return json.dumps({name: value for name, value in document.items() if value}).encode()


def step(name: str, resource: str, body: Any = None, **members: Any) -> Step:
    return Step(name=name, resource=resource, body=body, **members)


STEPS = (
    step("CreateOrUpdateCloudService", CS, SERVICE),
    step("GetCloudService", CS, result={"name": "cs1", "resources": []}),
    step("ListCloudServices", "/cloudservices", result=1),
    step("CheckJobCollectionName", CS, query={"resourceName": "jc1"}, result={"isAvailable": True}),
    step("CreateJobCollection", JC, {"plan": "Free", "label": "Reports"}),
    step(
        "CheckJobCollectionName", CS, query={"resourceName": "JC1"}, result={"isAvailable": False}
    ),
    step("GetJobCollection", JC, result={"plan": "Free", "label": "Reports", "state": "Started"}),
    step("UpdateJobCollection", JC, {"label": "Changed"}, if_match="*"),
    step("ListJobCollections", f"{CS}/jobcollections", result=1),
    step(
        "PatchJobCollection",
        JC,
        {"quota": {"maxJobCount": 7}},
        result={"plan": "Standard", "label": "Changed", "quota": {"maxJobCount": 7}},
    ),
    step("CreateJob", JOBS, JOB, status=201, result={"state": "enabled"}),
    step("CreateOrUpdateJob", A_JOB, JOB, status=201, result={"id": "a"}),
    step("CreateOrUpdateJob", A_JOB, JOB, result={"id": "a"}),
    step("GetJob", A_JOB, result={"id": "a", "state": "enabled"}),
    step("ListJobs", JOBS, query={"$top": "1", "$skip": "1"}, result=1),
    step("ListJobs", JOBS, query={"$filter": "state eq disabled"}, result=0),
    step("PatchJob", A_JOB, {"state": "disabled"}, result={"id": "a", "state": "disabled"}),
    step("ListJobs", JOBS, query={"$filter": "state eq disabled"}, result=1),
    step("SetJobsState", JOBS, {"state": "disabled", "stateDetails": "holiday"}, result=2),
    step("ListJobs", JOBS, query={"$filter": "state eq enabled"}, result=0),
    step("SetJobsState", JOBS, {"state": "enabled"}, result=2),
    step("DisableJobCollection", JC),
    step("GetJobCollection", JC, result={"state": "Stopped"}),
    step("EnableJobCollection", JC),
    step("GetJobCollection", JC, result={"state": "Started"}),
    step("RunJob", A_JOB),
    step("GetJobHistory", A_JOB, query={"$top": "5", "$filter": "status eq failed"}, result=0),
    step("RegisterResourceProvider", PROVIDER),
    step("GetResourceProvider", PROVIDER, result={"namespace": "Microsoft.Scheduler"}),
    step("GetResourceProviderProperties", PROVIDER, result={"Plans": "Free, Standard, Premium"}),
    step("UnregisterResourceProvider", PROVIDER),
    step("EntitleResource", "/entitlements", PURCHASE, status=202),
    step("GetOperationStatus", f"/operations/{REQUEST_ID}", result={"status": "Succeeded"}),
    step("DeleteJob", A_JOB),
    step("DeleteJobCollection", JC),
    step("DeleteCloudService", CS),
)


JC_PATH = "/s/cloudservices/cs1/resources/scheduler/~/JobCollections/jc1"


@pytest.mark.parametrize(
    ("name", "query", "target"),
    [
        ("ListJobCollections", {}, "/s/cloudservices/cs1"),
        (
            "CheckJobCollectionName",
            {"resourceName": "jc 2"},
            "/s/cloudservices/cs1/resources/scheduler/JobCollections"
            "?op=checknameavailability&resourceName=jc%202",
        ),
        (
            "RegisterResourceProvider",
            {},
            "/s/services?service=scheduler.JobCollections&action=register",
        ),
        (
            "UnregisterResourceProvider",
            {},
            "/s/services?service=scheduler.JobCollections&action=unregister",
        ),
        (
            "GetResourceProviderProperties",
            {},
            "/s/resourceproviders/scheduler/Properties?resourceType=JobCollections",
        ),
        ("EntitleResource", {}, "/s/EntitleResource"),
        ("EnableJobCollection", {}, f"{JC_PATH}/enable?api-version=2014-04-01"),
        ("PatchJobCollection", {}, f"{JC_PATH}?api-version=2014-04-01"),
        ("SetJobsState", {}, f"{JC_PATH}/jobs?api-version=2014-04-01"),
        (
            "ListJobs",
            {"$top": "5", "$filter": "state eq enabled"},
            f"{JC_PATH}/jobs?api-version=2014-04-01&$top=5&$filter=state%20eq%20enabled",
        ),
    ],
)
def test_the_target_is_that_of_microsofts_clients(
    name: str, query: Mapping[str, str], target: str
) -> None:
    names = {"cloud_service": "cs1", "job_collection": "jc1", "provider": "scheduler"}

    assert target_of(CATALOGUE[name], names, query, subscription="s") == target


@dataclass(slots=True)
class Pair:
    """A connector and the service that it speaks to."""

    world: World
    stack: Stack
    request_id: str

    async def end_of(self, operation: Operation) -> Operation:
        for _ in range(60):
            await self.world.work()
            await self.stack.work()
            found = await self.world.operation(operation)
            if found.finished_at is not None:
                return found
            await self.stack.clock.advance(timedelta(seconds=1))
        raise AssertionError("the operation did not end")


@asynccontextmanager
async def paired(folder: Path) -> AsyncIterator[Pair]:
    async with open_stack(folder, FakeClock()) as stack:
        reply = await stack.call("PUT", f"{SERVICE_PATH}0", XML_CLOUD_SERVICE)
        await stack.work()
        await stack.call("DELETE", f"{SERVICE_PATH}0")
        await stack.work()
        database = InlineDatabase(migrated(folder))
        client = MemorySchedulerClient(stack.app, certificate=stack.certificate)
        world = assemble(database, client, stack.clock)
        yield Pair(world, stack, reply.request_id)
        await world.broker.close()
        await database.close()


def shows(found: Json, expected: Json) -> bool:
    match expected:
        case int():
            return isinstance(found, list) and len(found) == expected
        case dict():
            return isinstance(found, dict) and expected.items() <= found.items()
        case _:
            return found == expected


async def by_queue(pair: Pair, step: Step, number: int) -> Operation:
    message = QueueMessage(
        body=step.message(pair.request_id), queue=COMMANDS, sequence_number=number
    )
    (operation,) = await pair.world.connector.accept_message(message)
    return operation


async def by_http(pair: Pair, step: Step, number: int) -> Operation:
    row = CATALOGUE[step.name]
    match = ROUTER.match(row.verb, f"{step.resource}{row.suffix}")
    assert isinstance(match, Match)
    content = b"" if step.body is None else json.dumps(step.body).encode()
    (operation,) = await pair.world.connector.accept(
        [request_command(match, content, if_match=step.if_match)],
        caller="key",
        key=f"k{number}",
        correlation_id=None,
    )
    return operation


def test_every_command_has_a_step() -> None:
    assert {step.name for step in STEPS} == set(CATALOGUE)
    assert {
        (name, status) for name, row in CATALOGUE.items() for status in row.success
        if not row.asynchronous
    } - {(step.name, step.status) for step in STEPS} == set()  # fmt: skip


async def test_every_command_takes_effect_that_comes_by_the_queue(tmp_path: Path) -> None:
    async with paired(tmp_path) as pair:
        for number, step in enumerate(STEPS):
            end = await pair.end_of(await by_queue(pair, step, number))

            assert (end.command, end.error) == (step.name, None)
            assert (end.status, end.http_status) == (OperationStatus.SUCCEEDED, step.status)
            assert shows(end.result, step.result), f"{step.name}: {end.result}"


async def test_every_command_takes_effect_that_comes_over_http(tmp_path: Path) -> None:
    async with paired(tmp_path) as pair:
        for number, step in enumerate(STEPS):
            row = CATALOGUE[step.name]
            if row.is_read:
                if step.name != "GetOperationStatus":
                    await check_read(pair, step)
                continue
            end = await pair.end_of(await by_http(pair, step, number))

            assert (end.command, end.error) == (step.name, None)
            assert (end.status, end.http_status) == (OperationStatus.SUCCEEDED, step.status)
            assert shows(end.result, step.result), f"{step.name}: {end.result}"


async def check_read(pair: Pair, step: Step) -> None:
    row = CATALOGUE[step.name]
    match = ROUTER.match("GET", f"{step.resource}{row.suffix}")
    assert isinstance(match, Match)
    assert match.endpoint is row
    query = request_query(row, step.query)
    status, found = await pair.world.connector.read(row, match.params, query)

    assert status == step.status
    assert shows(found, step.result), f"{step.name}: {found}"


async def test_every_call_of_an_operation_and_its_end_are_in_the_trace_of_its_command(
    tmp_path: Path,
) -> None:
    busy = answer(503)
    server, client = scripted(busy, answer(202, x_ms_request_id="r1"), busy)
    async with opened(tmp_path, client) as world:
        await world.connector.accept(
            commands(message("DisableJobCollection", JC, deadline="PT1S")),
            caller="key",
            key=None,
            correlation_id=None,
            traceparent=TRACEPARENT,
        )
        await world.run()
        (event,) = await world.events()

    changed, polled, looked_at = "disable?api-version=2014-04-01", "r1", "jc1"
    assert {seen.target.split("/")[-1] for seen in server.seen} == {changed, polled, looked_at}
    assert traces(server) == {TRACEPARENT}
    assert event["traceparent"] == TRACEPARENT


async def test_what_came_in_no_trace_is_in_none(tmp_path: Path) -> None:
    server, client = scripted(answer(409))
    async with opened(tmp_path, client) as world:
        await world.accept(message("DisableJobCollection", JC))
        await world.run()
        (event,) = await world.events()

    assert traces(server) == {None}
    assert "traceparent" not in event


def traces(server: ScriptedServer) -> set[str | None]:
    return {seen.headers.get("traceparent") for seen in server.seen}
