"""A process that the demo starts, with its output in a log file, and that does not outlive it."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from shared.settings import app_settings

STOP_WITHIN = timedelta(seconds=15)
ROOT = Path(__file__).parents[3]
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


class Child:
    """One `tocsin` command in a process group of its own, so that it can be killed with all it started."""

    def __init__(
        self, arguments: Sequence[str], *, log: Path, is_output_secret: bool = False
    ) -> None:
        """What it says on stdout is dropped where that is a secret."""
        self._arguments = arguments
        self._is_output_secret = is_output_secret
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def command(self) -> str:
        return f"tocsin {' '.join(self._arguments)}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.returncode

    async def start(self, environment: Mapping[str, str] = NOTHING_MORE) -> None:
        """Start it, adding to its log and to our environment. A terminal's Ctrl-C does not reach it: whoever started
        it stops it."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "shared.cli", *self._arguments),
                cwd=ROOT,
                env={**app_settings(), **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL if self._is_output_secret else log,
                stderr=log,
                start_new_session=True,
            )

    async def kill(self) -> None:
        """SIGKILL to the whole group: nothing gets to clean up."""
        self.kill_now()
        await self._ended()

    def kill_now(self) -> None:
        """SIGKILL without waiting for the end; does nothing when it has ended."""
        self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and kill it when it takes too long."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN.total_seconds()):
                await self._ended()
        except TimeoutError:
            await self.kill()

    def log_tail(self, lines: int = 15) -> str:
        """Return the end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, number)

    async def _ended(self) -> None:
        if self._process is not None:
            await self._process.wait()
