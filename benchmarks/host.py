"""The local host against a bare ASGI handler under the same server: requests/s and CPU of the server per request.

`python -m benchmarks.host`; the load comes from `benchmarks.load` in a process of its own, the servers run one after
the other in processes of theirs.
"""

import asyncio
import json
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import azure.functions as func

from shared.clock import SystemClock
from shared.host.host_json import HostSettings
from shared.host.indexing import index_functions
from shared.host.keys import HostKeys
from shared.host.local import LocalHost
from shared.host.server import Endpoint, Servers, run
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine

SECONDS = 4
CONNECTIONS = (1, 16, 64)
KEY = "benchmark-key"
PATH = "/api/cloudservices/cs/jobcollections/jc/jobs/nightly"
BODY = {"action": {"type": "http", "request": {"uri": "https://example.org", "method": "POST"}}}

app = func.FunctionApp()


@app.route(route="cloudservices/{cs}/jobcollections/{jc}/jobs/{job}", methods=["PUT"])
async def put_job(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.get_body(), status_code=202, mimetype="application/json")


async def bare(
    _scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    body = (await receive())["body"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def local_host(path: Path) -> LocalHost:
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    return LocalHost(
        index_functions(app, environment={}),
        broker=EmbeddedBroker(
            SqliteDatabase(path, clock=SystemClock()), clock=SystemClock(), queues=()
        ),
        clock=SystemClock(),
        settings=HostSettings(),
        keys=HostKeys(master="master", host=(KEY,), functions={}),
    )


def serve(name: str, folder: Path, pipe: Connection) -> None:
    run(serve_until_told(bare if name == "bare" else local_host(folder / "host.db"), pipe))


async def serve_until_told(served: Any, pipe: Connection) -> None:
    servers = Servers([Endpoint(app=served, port=0)], grace_seconds=1)
    pipe.send((await servers.start())[0])
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, pipe.recv):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(usage.ru_utime + usage.ru_stime)
    await servers.stop()


def measure(name: str, folder: Path) -> None:
    near, far = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve, args=(name, folder, far), daemon=True)
    process.start()
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"port": near.recv(), "key": KEY, "paths": [PATH], "body": BODY}))
    for connections in CONNECTIONS:
        before = cpu(near)
        result = load(plan, connections)
        # The load's first second is not in its count.
        spent = (cpu(near) - before) * SECONDS / (SECONDS + 1)
        sys.stdout.write(
            f"{name:5} {connections:3} connections: {result['per_second']:7.0f}/s"
            f"  p50 {result['p50_ms']:6.2f} ms  p99 {result['p99_ms']:6.2f} ms"
            f"  {spent / result['requests'] * 1e6:5.0f} µs CPU each\n"
        )
    near.send(False)
    process.join()


def cpu(pipe: Connection) -> float:
    pipe.send(True)
    seconds: float = pipe.recv()
    return seconds


def load(plan: Path, connections: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.load", str(plan)]
    options = ["--connections", str(connections), "--seconds", str(SECONDS)]
    done = subprocess.run([*command, *options], check=True, capture_output=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    sys.stdout.write(f"{platform.platform()}, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as temporary:
        for each in ("bare", "host"):
            measure(each, Path(temporary))
