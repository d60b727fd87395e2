"""`tocsin broker` in a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]
READY_SECONDS = 60


@dataclass(frozen=True)
class RunningBroker:
    """A broker that listens at `url`; `connection` has the connection string of each namespace."""

    process: asyncio.subprocess.Process
    url: str
    connection: dict[str, str] = field(repr=False)

    async def end(self) -> str:
        """Ask it to end as an operator does; returns what it had logged."""
        self.process.terminate()
        return await ended(self.process, code=0)


@asynccontextmanager
async def started(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start it; whatever becomes of it, it is gone at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.cli", "broker", "--data", str(folder)),
        *("--listen", "127.0.0.1:0", *options),
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def running(folder: Path, *options: str, namespaces: int = 1) -> AsyncIterator[RunningBroker]:
    """Start it and wait until it has told how to connect to so many namespaces."""
    async with started(folder, *options) as process:
        assert process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            said = [await process.stdout.readline() for _ in range(1 + namespaces)]
        assert said[0].startswith(b"listening on "), await ended(process, code=0)
        lines = [line.decode().strip() for line in said]
        connection = dict(line.split(": ", 1) for line in lines[1:])
        yield RunningBroker(process, lines[0].removeprefix("listening on "), connection)


async def ended(process: asyncio.subprocess.Process, *, code: int) -> str:
    """Return what it said on stderr, after it has ended with this exit code and nothing more on stdout."""
    async with asyncio.timeout(READY_SECONDS):
        output, errors = await process.communicate()
    text = errors.decode()
    assert process.returncode == code, text
    assert "Traceback" not in text, text
    assert output == b""
    return text
