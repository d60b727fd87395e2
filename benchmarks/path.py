"""The path: PUT of a job through the local host, up to its completion event at a webhook; and the idle stack's memory.

python -m benchmarks.path [seconds per figure]

Stack, receiver and load generator are processes of their own on one machine, so they share its cores. The bare loop is
uvicorn with a handler that answers 202, under the same load in the same run. While commands are accepted, the same
process executes those accepted before: that is in the figures.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.machine import cpu_seconds, describe, fsync_milliseconds, proportional_megabytes
from shared.cli.demo.caller import Caller
from shared.cli.demo.expectation import Found, expect, wait_until
from shared.cli.demo.jobs import nightly_report
from shared.cli.demo.ports import Ports, free_ports
from shared.cli.demo.run import APP_SETTINGS
from shared.cli.demo.stage import Stage
from shared.cli.demo.steps_connector import CLOUD_SERVICE, COLLECTION
from shared.cli.demo.timeline import Timeline, timeline_console
from shared.cli.host_client import HostClient
from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock
from shared.settings import export_environment

CLOCK = SystemClock()
COLLECTIONS = 20
JOBS = 50
RATE = 1000
COMMANDS = 3000
COMMANDS_ON_ONE = 500
PATIENCE = timedelta(minutes=3)
IDLE_CPU = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under load and the plan of requests for it."""

    name: str
    plan: Path


async def measure(seconds: float) -> None:
    export_environment(APP_SETTINGS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = free_ports()
        stage = Stage(folder, ports, timeline=Timeline(timeline_console(), CLOCK), clock=CLOCK)
        print(f"{describe()}, fsync {fsync_milliseconds(folder):.2f} ms\n")
        try:
            await stage.start_receiver()
            await stage.start_stack()
            await measure_stack(stage, folder, ports, seconds)
        finally:
            await stage.stop()


async def measure_stack(stage: Stage, folder: Path, ports: Ports, seconds: float) -> None:
    await idle(stage.stack_pid)
    print(f"\nidle stack: {proportional_megabytes(stage.stack_pid):.1f} MB PSS")
    url, key = f"http://127.0.0.1:{ports.host}", StackFolder(folder / "stack").host_key()
    async with HostClient(url, key=key) as client:
        paths = await create_collections(client)
        connector = Target(name="connector", plan=folder / "connector.json")
        write_plan(connector, port=ports.host, key=key, paths=paths)
        await measure_accepting(connector, stage.stack_pid, seconds)
        await measure_bare(folder, seconds, paths)
        await idle(stage.stack_pid)
        await subscribe(client, stage)
        await measure_to_event(stage, connector, COMMANDS, f"on {len(paths)} jobs")
        one = Target(name="one job", plan=folder / "one.json")
        write_plan(one, port=ports.host, key=key, paths=paths[:1])
        await measure_to_event(stage, one, COMMANDS_ON_ONE, "on 1 job")
    await idle(stage.stack_pid)
    print(f"\nidle stack after that: {proportional_megabytes(stage.stack_pid):.1f} MB PSS")


async def create_collections(client: HostClient) -> list[str]:
    """Create the collections that the jobs go to; returns the jobs' paths."""
    timeline = Timeline(Console(quiet=True), CLOCK)
    caller = Caller(client, timeline=timeline, clock=CLOCK)
    accepted = [await caller.accept("PUT", "/api/cloudservices/bench", body=CLOUD_SERVICE)]
    collections = [
        f"/api/cloudservices/bench/jobcollections/c{number}" for number in range(COLLECTIONS)
    ]
    accepted += [await caller.accept("PUT", path, body=COLLECTION) for path in collections]
    for each in accepted:
        await caller.succeeded(each, within=PATIENCE)
    return [f"{path}/jobs/j{number}" for number in range(JOBS) for path in collections]


def write_plan(target: Target, *, port: int, key: str, paths: Sequence[str]) -> None:
    body = nightly_report(CLOCK.now())
    document = {
        "port": port,
        "tls": None,
        "method": "PUT",
        "headers": {"x-functions-key": key},
        "paths": paths,
        "body": body,
    }
    target.plan.write_text(json.dumps(document))


async def measure_accepting(target: Target, pid: int, seconds: float) -> None:
    print(f"\n{target.name}: PUT of a job → 202")
    for connections in (1, 16, 64):
        options = ["--connections", str(connections), "--seconds", str(seconds)]
        show(f"saturated, {connections:>2} connections", await load(target, options))
        await idle(pid)
    options = ["--connections", "64", "--seconds", str(seconds), "--rate", str(RATE)]
    show(f"open loop, {RATE}/s offered", await load(target, options))
    await idle(pid)


async def measure_bare(folder: Path, seconds: float, paths: Sequence[str]) -> None:
    target = Target(name="bare loop", plan=folder / "bare.json")
    port = free_ports().host
    write_plan(target, port=port, key="none", paths=paths)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bare", str(port))
    )
    try:
        await listening(port)
        await measure_accepting(target, process.pid, seconds)
    finally:
        process.terminate()
        await process.wait()


async def subscribe(client: HostClient, stage: Stage) -> None:
    completions = {**stage.event_subscription(), "filter": {"types": ["tocsin.operation.*"]}}
    subscription = await client.request("POST", "/api/eventsubscriptions", body=completions)
    expect(subscription.status == 201, "201 for the event subscription", subscription.body)


async def measure_to_event(stage: Stage, target: Target, number: int, name: str) -> None:
    """From the first PUT to the last completion event that the receiver has verified and written down."""
    stage.inbox.read_new()
    earlier = len(stage.inbox.arrivals)
    began, cpu = CLOCK.now(), cpu_seconds(stage.stack_pid)
    accepted = await load(target, ["--connections", "16", "--number", str(number)])

    async def look() -> bool | Found:
        stage.inbox.read_new()
        seen = len(stage.inbox.arrivals) - earlier
        return seen >= number or Found(f"{seen} events")

    await wait_until(f"{number} events", look, within=PATIENCE, clock=CLOCK)
    arrived = stage.inbox.arrivals[earlier:]
    took = (max(arrival.arrived_at for arrival in arrived) - began).total_seconds()
    cpu = cpu_seconds(stage.stack_pid) - cpu
    failed = [one for one in arrived if one.type != "tocsin.operation.succeeded"]
    print(f"\nconnector: {number} commands {name}, accept → completion event at a webhook")
    show("accepted", accepted)
    print(f"  to the event       {number / took:>8,.0f}/s   {cpu / number * 1000:.2f} ms CPU")
    expect(not failed, "every command to succeed", [arrival.event for arrival in failed[:3]])


async def load(target: Target, options: Sequence[str]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load", str(target.plan), *options),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    expect(process.returncode == 0, "the load generator to end well", process.returncode)
    result: dict[str, Any] = json.loads(output)
    expect(set(result["statuses"]) == {"202"}, "202 for every request", result["statuses"])
    return result


async def idle(pid: int) -> None:
    """Wait until the process has nothing to do."""

    async def look() -> bool | Found:
        before = cpu_seconds(pid)
        await CLOCK.sleep(timedelta(seconds=1))
        used = cpu_seconds(pid) - before
        return used < IDLE_CPU or Found(f"{used:.2f} s CPU in the last second")

    await wait_until("an idle process", look, within=PATIENCE, clock=CLOCK)


async def listening(port: int) -> None:
    async def look() -> bool | Found:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            return Found(str(error))
        writer.close()
        return True

    await wait_until(f"port {port} to listen", look, within=PATIENCE, clock=CLOCK)


def show(name: str, result: dict[str, Any]) -> None:
    print(
        f"  {name:<26}{result['per_second']:>8,.0f}/s   p50 {result['p50_ms']:>7.2f} ms"
        f"   p99 {result['p99_ms']:>7.2f} ms   max {result['max_ms']:>7.2f} ms",
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
