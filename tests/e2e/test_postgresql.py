"""Two whole stacks over one PostgreSQL database and one broker: what one accepts the other carries out."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.cli.demo.steps_connector import CLOUD_SERVICE, COLLECTION
from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock
from tests.ports import free_ports
from tests.postgres import EMPTY, Databases
from tests.shared.cli.broker_process import running
from tests.shared.cli.serving_process import READY_SECONDS, ROOT, ended

CLOCK = SystemClock()
JOB = {"action": {"type": "http", "request": {"method": "POST", "uri": "https://example.org/"}}}
PASSWORD = "s3cret-of-the-database"


class Stack:
    """A process that serves, and a client of it."""

    def __init__(
        self, process: asyncio.subprocess.Process, port: int, session: aiohttp.ClientSession
    ) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{port}/api"
        self._session = session

    async def accept(self, path: str, body: object, *, key: str | None = None) -> str:
        headers = {} if key is None else {"Idempotency-Key": key}
        async with self._session.put(self._url + path, json=body, headers=headers) as answer:
            document = await answer.json()
            assert answer.status == 202, document
            return str(document["id"])

    async def get(self, path: str) -> Any:
        async with self._session.get(self._url + path) as answer:
            assert answer.status == 200
            return await answer.json()

    async def have_succeeded(self, operations: Iterable[str]) -> None:
        """Wait until these have ended."""
        async with asyncio.timeout(READY_SECONDS):
            for operation in operations:
                while (found := await self.get(f"/operations/{operation}"))["status"] in (
                    "NotStarted",
                    "Running",
                ):
                    await CLOCK.sleep(timedelta(milliseconds=50))
                assert found["status"] == "Succeeded", found

    async def end(self) -> str:
        """Ask it to end as an operator does; returns what it had said."""
        self.process.terminate()
        async with asyncio.timeout(READY_SECONDS):
            said = [stream.decode() for stream in await self.process.communicate()]
        assert self.process.returncode == 0
        assert "Traceback" not in said[1], said[1]
        return "".join(said)


@asynccontextmanager
async def stack(folder: Path, environment: dict[str, str]) -> AsyncIterator[Stack]:
    ports = free_ports()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.cli", "up", "--data-dir", str(folder)),
        *("--port", f"{ports.host}", "--scheduler-port", f"{ports.scheduler}"),
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            line = await process.stdout.readline()
        assert line.startswith(b"Tocsin is running"), await ended(process, code=0)
        headers = {"x-functions-key": StackFolder(folder).host_key()}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Stack(process, ports.host, session)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.timeout(180)
async def test_p4_p7_two_processes_do_the_work_of_one_and_either_goes_on_alone(
    postgres: Databases, tmp_path: Path
) -> None:
    first_folder, second_folder = tmp_path / "first", tmp_path / "second"
    StackFolder(first_folder).prepare(now=CLOCK.now(), makes_key=True)
    shutil.copytree(first_folder, second_folder)
    with postgres.one(EMPTY) as url:
        async with running(tmp_path / "broker") as broker:
            environment = {
                "TOCSIN_DATABASE_URL": url.replace("tocsin@", f"tocsin:{PASSWORD}@"),
                "TOCSIN_BROKER": "servicebus",
                "ServiceBusConnection": next(iter(broker.connection.values())),
            }
            async with (
                stack(first_folder, environment) as first,
                stack(second_folder, environment) as second,
            ):
                accepted = [await first.accept("/cloudservices/cs1", CLOUD_SERVICE)]
                collection = "/cloudservices/cs1/jobcollections/jc1"
                accepted.append(await second.accept(collection, COLLECTION))
                both = await asyncio.gather(
                    *(
                        one.accept(f"{collection}/jobs/j{number}", JOB, key=f"k{number}")
                        for number in range(10)
                        for one in (first, second)
                    )
                )
                assert both[::2] == both[1::2]
                await first.have_succeeded([*accepted, *both])

                logged = await first.end()
                alone = await second.accept(f"{collection}/jobs/alone", JOB)
                await second.have_succeeded([alone])
                events = (await second.get("/events?since=0"))["value"]
                logged += await second.end()

    ends = [
        event["operationid"] for event in events if event["type"] == "tocsin.operation.succeeded"
    ]
    assert sorted(ends) == sorted({*accepted, *both, alone})
    assert PASSWORD not in logged
    assert not (first_folder / "tocsin.db").exists()
