"""`tocsin broker` in a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.shared.cli.serving_process import ended, listening, started


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
async def running(
    folder: Path,
    *options: str,
    namespaces: int = 1,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[RunningBroker]:
    """Start it and wait until it has told how to connect to so many namespaces."""
    async with started("broker", folder, *options, environment=environment) as process:
        url, lines = await listening(process, more=namespaces)
        yield RunningBroker(process, url, dict(line.split(": ", 1) for line in lines))
