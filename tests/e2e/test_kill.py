"""P7: SIGKILL of the whole stack at many instants; whatever was answered 202 ends once, with one event.

Real processes, a real file, real sockets. The instants are spread over the life of a chain of operations, from before
the first is started to after the last has ended. On a Service Bus, which is a `tocsin broker` here, the locks of a dead
stack last on, and what it had not sent is lost; connections take a while there, so fewer instants are tried.
"""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from shared.cli.demo.caller import Accepted, Caller
from shared.cli.demo.expectation import PATIENCE, Found, wait_until
from shared.cli.demo.jobs import nightly_report
from shared.cli.demo.stage import Stage, Transport
from shared.cli.demo.steps_connector import CLOUD_SERVICE, COLLECTION
from shared.cli.demo.timeline import Timeline
from shared.clock import SystemClock
from shared.settings import BrokerKind, export_environment
from tests.ports import free_ports

CLOCK = SystemClock()
JOBS = 20
MORE_JOBS = 10
JOBS_PATH = "/api/cloudservices/steady/jobcollections/jc/jobs"
EMBEDDED = Transport()
SERVICE_BUS = Transport(broker=BrokerKind.SERVICEBUS)
STRICT = Transport(is_strict=True)
STRICT_SERVICE_BUS = Transport(broker=BrokerKind.SERVICEBUS, is_strict=True)
INSTANTS = (
    pytest.param(EMBEDDED, (0, 200, 1100, 2250), id="embedded"),
    pytest.param(STRICT, (30, 2150), id="embedded-strict"),
    pytest.param(SERVICE_BUS, (0, 1000), id="servicebus"),
    pytest.param(STRICT_SERVICE_BUS, (1100,), id="servicebus-strict"),
)


@asynccontextmanager
async def staged(folder: Path, transport: Transport) -> AsyncIterator[Stage]:
    export_environment({"TOCSIN_ALLOWED_NETWORKS": "127.0.0.0/8"})
    timeline = Timeline(Console(file=io.StringIO()), CLOCK)
    stage = Stage(folder, free_ports(), transport, timeline=timeline, clock=CLOCK)
    try:
        await stage.start_receiver()
        await stage.start_broker()
        await stage.start_stack()
        yield stage
    finally:
        await stage.stop()


async def accept_chain(caller: Caller, name: str) -> list[Accepted]:
    """Accept a cloud service, its collection and jobs in it, all before the first has ended."""
    service = f"/api/cloudservices/{name}"
    collection = f"{service}/jobcollections/jc"
    accepted = [
        await caller.accept("PUT", service, body=CLOUD_SERVICE),
        await caller.accept("PUT", collection, body=COLLECTION),
    ]
    job = nightly_report(CLOCK.now())
    for number in range(JOBS):
        accepted.append(await caller.accept("PUT", f"{collection}/jobs/j{number}", body=job))
    return accepted


@asynccontextmanager
async def subscribed(stage: Stage) -> AsyncIterator[Caller]:
    async with stage.caller() as caller:
        created = await caller.request(
            "POST", "/api/eventsubscriptions", body=stage.event_subscription()
        )
        assert created.status == 201
        yield caller


async def each_has_its_event(stage: Stage, accepted: list[Accepted]) -> None:
    expected = {each.operation_id for each in accepted}

    async def look() -> bool | Found:
        missing = expected - {arrival.operation_id for arrival in stage.inbox.arrivals}
        return not missing or Found(f"{len(missing)} of {len(expected)} missing")

    await wait_until("an event of each operation", look, within=PATIENCE, clock=CLOCK)
    of_these = stage.inbox.find(lambda arrival: arrival.operation_id in expected)
    assert len(of_these) == len(expected)
    assert {arrival.type for arrival in of_these} == {"tocsin.operation.succeeded"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("transport", "delays"), INSTANTS)
async def test_p7_what_was_accepted_survives_a_kill_at_any_instant(
    transport: Transport, delays: tuple[int, ...], tmp_path: Path
) -> None:
    async with staged(tmp_path, transport) as stage, subscribed(stage) as caller:
        for round_number, delay in enumerate(delays):
            accepted = await accept_chain(caller, f"round{round_number}")
            await CLOCK.sleep(timedelta(milliseconds=delay))

            await stage.kill_stack()
            await stage.start_stack()

            for each in accepted:
                operation = await caller.succeeded(each)
                assert operation["id"] == each.operation_id
            await each_has_its_event(stage, accepted)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("transport", [EMBEDDED, SERVICE_BUS], ids=["embedded", "servicebus"])
async def test_p7_a_kill_while_commands_arrive_loses_none_that_was_answered(
    transport: Transport, tmp_path: Path
) -> None:
    async with staged(tmp_path, transport) as stage, subscribed(stage) as caller:
        first = await accept_chain(caller, "steady")
        for each in first:
            await caller.succeeded(each)
        accepted = await accept_jobs(caller, "late")

        await stage.kill_stack()
        await stage.start_stack()

        for each in accepted:
            await caller.succeeded(each)
        await each_has_its_event(stage, first + accepted)
        stored = await caller.read(JOBS_PATH)
        names = {job["id"] for job in stored}
        assert names == {f"j{n}" for n in range(JOBS)} | {f"late{n}" for n in range(MORE_JOBS)}


@pytest.mark.timeout(300)
async def test_p7_a_service_bus_that_dies_loses_nothing_and_is_found_again(tmp_path: Path) -> None:
    async with staged(tmp_path, SERVICE_BUS) as stage, subscribed(stage) as caller:
        accepted = await accept_chain(caller, "steady")
        await stage.kill_broker()
        accepted += await accept_jobs(caller, "meanwhile")
        await stage.kill_stack()
        await stage.start_broker()
        await stage.start_stack()
        for each in accepted:
            await caller.succeeded(each)

        await stage.kill_broker()
        await stage.start_broker()

        accepted += await accept_jobs(caller, "afterwards")
        for each in accepted:
            await caller.succeeded(each)
        await each_has_its_event(stage, accepted)


async def accept_jobs(caller: Caller, name: str) -> list[Accepted]:
    job = nightly_report(CLOCK.now())
    return [
        await caller.accept("PUT", f"{JOBS_PATH}/{name}{number}", body=job)
        for number in range(MORE_JOBS)
    ]
