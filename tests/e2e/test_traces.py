"""A trace from the HTTP request over the REST call to what a webhook gets, in real processes over real sockets."""

import io
from pathlib import Path

from rich.console import Console

from shared.cli.demo.expectation import PATIENCE, Found, wait_until
from shared.cli.demo.jobs import nightly_report
from shared.cli.demo.stage import Stage
from shared.cli.demo.steps_connector import CLOUD_SERVICE, COLLECTION
from shared.cli.demo.timeline import Timeline
from shared.cli.host_client import HostClient
from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock
from shared.settings import export_environment
from tests.ports import free_ports
from tests.traces import TRACEPARENT

CLOCK = SystemClock()
SERVICE = "/cloudservices/cs1"
COLLECTION_PATH = f"{SERVICE}/jobcollections/jc1"
COMMANDS = [
    {"command": "CreateOrUpdateCloudService", "resource": SERVICE, "body": CLOUD_SERVICE},
    {"command": "CreateJobCollection", "resource": COLLECTION_PATH, "body": COLLECTION},
    {
        "command": "CreateOrUpdateJob",
        "resource": f"{COLLECTION_PATH}/jobs/nightly",
        "body": nightly_report(CLOCK.now()),
    },
]


async def test_what_a_request_brings_about_arrives_in_its_trace(tmp_path: Path) -> None:
    export_environment({"TOCSIN_ALLOWED_NETWORKS": "127.0.0.0/8"})
    timeline, ports = Timeline(Console(file=io.StringIO()), CLOCK), free_ports()
    stage = Stage(tmp_path, ports, timeline=timeline, clock=CLOCK)
    try:
        await stage.start_receiver()
        await stage.start_stack()
        url, key = f"http://127.0.0.1:{ports.host}", StackFolder(tmp_path / "stack").host_key()
        async with HostClient(url, key=key) as client:
            made = await client.request(
                "POST", "/api/eventsubscriptions", body=stage.event_subscription()
            )
            accepted = await client.request(
                "POST", "/api/commands", body=COMMANDS, headers={"traceparent": TRACEPARENT}
            )
            assert (made.status, accepted.status) == (201, 202)

            # The REST call took it to the Scheduler, which tells of the job.
            assert await arrived(stage, 4) == {
                ("tocsin.operation.succeeded", TRACEPARENT),
                ("tocsin.job.created", TRACEPARENT),
            }
    finally:
        await stage.stop()


async def arrived(stage: Stage, count: int) -> set[tuple[str, str | None]]:
    """Return which types of events arrived in which traces, once there are so many."""

    async def look() -> bool | Found:
        stage.inbox.read_new()
        found = len(stage.inbox.arrivals)
        return found >= count or Found(f"{found} of {count}")

    await wait_until(f"{count} events at the webhook", look, within=PATIENCE, clock=CLOCK)
    return {(one.type, one.event.get("traceparent")) for one in stage.inbox.arrivals}
