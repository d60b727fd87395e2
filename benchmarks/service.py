"""The Scheduler service over TLS on kept-alive connections: GET and PUT of a job, a list of 1,000 jobs; and its memory.

python -m benchmarks.service [seconds per figure] [requests for the memory]

Service, bare handlers and load generator are processes of their own on one machine. A bare handler is Starlette on the
same server over the same TLS, which reads the body and answers one of the same size, in the same run.
"""

import asyncio
import json
import re
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.machine import cpu_seconds, describe, fsync_milliseconds, proportional_megabytes
from shared.cli.demo.expectation import Found, expect, wait_until
from shared.cli.demo.ports import free_ports
from shared.clock import SystemClock
from shared.development_certificates import (
    DevelopmentCertificates,
    create_development_certificates,
)

CLOCK = SystemClock()
SUBSCRIPTION = "00000000-0000-0000-0000-00000000beef"
SERVICE = f"/{SUBSCRIPTION}/cloudservices/bench"
JOBS = f"{SERVICE}/resources/scheduler/~/JobCollections/c1/jobs"
COLLECTION = f"{SERVICE}/resources/scheduler/JobCollections/c1"
QUERY = "?api-version=2014-04-01"
VERSION = {"x-ms-version": "2014-10-01"}
NAMESPACE = 'xmlns="http://schemas.microsoft.com/windowsazure"'
JOB = {
    "startTime": f"{CLOCK.now() + timedelta(days=30):%Y-%m-%d}T00:00:00Z",
    "action": {
        "type": "https",
        "request": {"method": "POST", "uri": "https://example.org/run", "body": "nightly"},
        "retryPolicy": {"retryType": "fixed", "retryInterval": "00:01:00", "retryCount": 3},
    },
    "recurrence": {"frequency": "day", "interval": 1, "count": 1000},
}
PATIENCE = timedelta(seconds=60)
LISTENING = re.compile(r"listening on https://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that listens."""

    pid: int
    port: int
    ca: Path
    certificate: Path


async def measure(seconds: float, requests: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{describe()}, fsync {fsync_milliseconds(folder):.2f} ms\n")
        client = create_development_certificates(folder / "client", now=CLOCK.now())
        async with service(folder, client) as server:
            await prepare(server, folder)
            sizes = await answer_sizes(server, folder)
            await measure_server("service", server, folder, seconds, service_paths())
            bare_paths = {kind: f"/{size}" for kind, size in sizes.items()}
            async with bare(server) as handlers:
                await measure_server("bare handlers", handlers, folder, seconds, bare_paths)
            await measure_memory(server, folder, requests)


def service_paths() -> dict[str, str]:
    return {
        "GET job": f"{JOBS}/j7{QUERY}",
        "PUT job": f"{JOBS}/j7{QUERY}",
        "list of 1,000 jobs": f"{JOBS}{QUERY}",
    }


async def measure_server(
    name: str, server: Server, folder: Path, seconds: float, paths: dict[str, str]
) -> None:
    for kind, path in paths.items():
        is_put = kind.startswith("PUT")
        body = JOB if is_put else None
        plan = write_plan(folder, server, "PUT" if is_put else "GET", [path], body)
        for connections in (1, 16):
            options = ["--connections", str(connections), "--seconds", str(seconds)]
            before = cpu_seconds(server.pid)
            result = await load(plan, options, {"200"})
            used = (cpu_seconds(server.pid) - before) / (result["per_second"] * (seconds + 1))
            print(
                f"{name:<14}{kind:<20}{connections:>3} connections{result['per_second']:>9,.0f}/s"
                f"{used * 1e6:>8.0f} µs CPU   p50 {result['p50_ms']:>6.2f} ms"
                f"   p99 {result['p99_ms']:>6.2f} ms",
                flush=True,
            )


async def measure_memory(server: Server, folder: Path, requests: int) -> None:
    """Read jobs until so many requests were answered; memory is looked at ten times."""
    plan = write_plan(folder, server, "GET", [f"{JOBS}/j{n}{QUERY}" for n in range(1000)], None)
    print(f"\nmemory before: {proportional_megabytes(server.pid):.1f} MB PSS")
    for done in range(requests // 10, requests + 1, requests // 10):
        options = ["--connections", "16", "--number", str(requests // 10)]
        await load(plan, options, {"200"})
        print(f"after {done:>7,} requests: {proportional_megabytes(server.pid):.1f} MB PSS")


async def prepare(server: Server, folder: Path) -> None:
    """Make a collection with 1,000 jobs."""
    cloud_service = f"<CloudService {NAMESPACE}><Label>b</Label><GeoRegion>West Europe</GeoRegion></CloudService>"
    collection = (
        f"<Resource {NAMESPACE}><IntrinsicSettings><Plan>P20Premium</Plan></IntrinsicSettings>"
        "</Resource>"
    )
    await curl(server, "PUT", SERVICE, cloud_service)
    await curl(server, "PUT", COLLECTION, collection)
    paths = [f"{JOBS}/j{number}{QUERY}" for number in range(1000)]
    plan = write_plan(folder, server, "PUT", paths, JOB)
    await load(plan, ["--connections", "16", "--number", "1000"], {"200", "201"})


async def answer_sizes(server: Server, folder: Path) -> dict[str, int]:
    return {kind: len(await curl(server, "GET", path)) for kind, path in service_paths().items()}


async def curl(server: Server, method: str, path: str, body: str | None = None) -> bytes:
    """Return the body of one answer that is a success."""
    context = ssl.create_default_context(cafile=str(server.ca))
    context.load_cert_chain(server.certificate)
    request = urllib.request.Request(
        f"https://127.0.0.1:{server.port}{path}",
        data=body.encode() if body else None,
        headers=VERSION,
        method=method,
    )
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )

    def call() -> bytes:
        with opener.open(request, timeout=30) as answer:
            content: bytes = answer.read()
            return content

    return await asyncio.to_thread(call)


def write_plan(folder: Path, server: Server, method: str, paths: Sequence[str], body: Any) -> Path:
    plan = folder / "plan.json"
    document = {
        "port": server.port,
        "tls": {"ca": str(server.ca), "certificate": str(server.certificate)},
        "method": method,
        "headers": VERSION,
        "paths": paths,
        "body": body,
    }
    plan.write_text(json.dumps(document))
    return plan


async def load(plan: Path, options: Sequence[str], statuses: set[str]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load", str(plan), *options),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    expect(process.returncode == 0, "the load generator to end well", process.returncode)
    result: dict[str, Any] = json.loads(output)
    expect(set(result["statuses"]) <= statuses, "a success every time", result["statuses"])
    return result


@asynccontextmanager
async def service(folder: Path, client: DevelopmentCertificates) -> AsyncIterator[Server]:
    data = folder / "service"
    command = (
        *(sys.executable, "-m", "shared.cli", "scheduler", "--data", str(data)),
        *("--listen", "127.0.0.1:0", "--subscription", f"{SUBSCRIPTION}={client.client_cer}"),
    )
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        found = LISTENING.search(line)
        expect(found is not None, "a line that says where it listens", line)
        assert found is not None
        yield Server(
            pid=process.pid,
            port=int(found[1]),
            ca=data / "tls" / "ca.pem",
            certificate=client.client,
        )
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def bare(beside: Server) -> AsyncIterator[Server]:
    """The bare handlers, with the certificate of the service beside them."""
    port = free_ports().host
    certificate = beside.ca.with_name("server.pem")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bare_tls", str(port), str(certificate))
    )
    try:
        await wait_until(
            "the bare handlers to listen", lambda: listening(port), within=PATIENCE, clock=CLOCK
        )
        yield Server(pid=process.pid, port=port, ca=beside.ca, certificate=beside.certificate)
    finally:
        process.terminate()
        await process.wait()


async def listening(port: int) -> bool | Found:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        return Found(str(error))
    writer.close()
    return True


if __name__ == "__main__":
    asyncio.run(
        measure(
            float(sys.argv[1]) if len(sys.argv) > 1 else 6.0,
            int(sys.argv[2]) if len(sys.argv) > 2 else 100_000,
        )
    )
