"""A command of `tocsin` that serves, in a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]
READY_SECONDS = 60
LISTENING = b"listening on "


@asynccontextmanager
async def started(
    command: str, folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start it on a free port; whatever becomes of it, it is gone at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.cli", command, "--data", str(folder)),
        *("--listen", "127.0.0.1:0", *options),
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def listening(process: asyncio.subprocess.Process, *, more: int = 0) -> tuple[str, list[str]]:
    """Return the URL where it listens and so many lines more, when it has told them."""
    assert process.stdout is not None
    async with asyncio.timeout(READY_SECONDS):
        first, *rest = [await process.stdout.readline() for _ in range(1 + more)]
    assert first.startswith(LISTENING), await ended(process, code=0)
    return first.removeprefix(LISTENING).decode().strip(), [line.decode().strip() for line in rest]


async def ended(process: asyncio.subprocess.Process, *, code: int) -> str:
    """Return what it said on stderr, after it has ended with this exit code and nothing more on stdout."""
    async with asyncio.timeout(READY_SECONDS):
        output, errors = await process.communicate()
    text = errors.decode()
    assert process.returncode == code, text
    assert "Traceback" not in text, text
    assert output == b""
    return text
