"""A stack in a process of its own, with dead letters in its queues, for the commands that ask one."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from typer.testing import Result

from shared.bootstrap import Application
from shared.cli.becoming import make_tables
from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock
from shared.errors import TocsinError
from shared.messaging.message import Message
from shared.settings import load_settings
from tests.ports import free_ports
from tests.shared.cli.in_process import NOTHING, tocsin
from tests.shared.host.burying import bury

ROOT = Path(__file__).parents[3]
SECRET = "hunter2"
EVIL = "\x1b]0;owned\x07[red]"
END_SECONDS = 20
PATIENCE = timedelta(seconds=30)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class RunningStack:
    """Where it is."""

    folder: Path
    port: int

    def run(self, *arguments: str, stdin: bytes = b"") -> Result:
        """Run a command on it that succeeds; returns its output."""
        result = self.attempt(*arguments, stdin=stdin)
        assert result.exit_code == 0, (result.output, result.exception)
        return result

    def attempt(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] = NOTHING
    ) -> Result:
        """Run a command on it."""
        place = ("--data-dir", str(self.folder), "--port", str(self.port))
        return tocsin(*arguments, *place, stdin=stdin, environment=environment)

    def document(self, *arguments: str) -> Any:
        """Return what a command prints for machines."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def until(self, found: Callable[[], Found]) -> Found:
        """Return what is found at last, once it is something."""
        deadline = SystemClock().now() + PATIENCE
        while not (value := found()):
            assert SystemClock().now() < deadline, "it has not come"
        return value

    def failure(self, *arguments: str) -> str:
        """Return the line in which a command says why it failed."""
        result = self.attempt(*arguments)
        assert isinstance(result.exception, TocsinError), (result.output, result.exception)
        return result.exception.message


@contextmanager
def running_stack(folder: Path, *, settings: Mapping[str, str] = NOTHING) -> Iterator[RunningStack]:
    """Start it with dead letters, or as `settings` say and without them; end it after the block."""
    ports = free_ports()
    if not settings:
        prepare(folder)
        asyncio.run(fill(folder))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "shared.cli", "up", "--data-dir", folder),
            *("--port", f"{ports.host}", "--scheduler-port", f"{ports.scheduler}"),
        ],
        cwd=ROOT,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "TOCSIN_ALLOWED_NETWORKS": "127.0.0.0/8",
            **settings,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Tocsin is running")
        yield RunningStack(folder, ports.host)
    finally:
        process.terminate()
        process.communicate(timeout=END_SECONDS)


def prepare(folder: Path) -> None:
    """Make what `tocsin up` makes."""
    StackFolder(folder).prepare(now=SystemClock().now(), makes_key=True)
    make_tables(folder)


async def fill(folder: Path) -> None:
    """Leave dead letters in queues; ports are of no account for that."""
    settings = StackFolder(folder).app_settings(port=1, scheduler_port=2)
    application = Application(load_settings(settings))
    await application.open()
    body = {"command": "DeleteJob", "resource": "/cloudservices/cs1", "body": {"p": SECRET}}
    await bury(
        application.broker,
        "rejected",
        Message(body=json.dumps(body).encode(), message_id="m1"),
        Message(body=EVIL.encode(), message_id=EVIL, application_properties={EVIL: SECRET}),
        reason="BadRequest",
    )
    many = [Message(body=b"%d" % number) for number in range(120)]
    await bury(application.broker, "history", *many, reason="MaxDeliveryCountExceeded")
    await application.close()
