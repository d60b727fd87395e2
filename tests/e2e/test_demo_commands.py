"""The commands beside the demo, against a real stack: what the how-tos show."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from shared.cli.demo.stage import Stage, Transport
from shared.cli.demo.timeline import Timeline
from shared.clock import SystemClock
from shared.settings import BrokerKind
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
PORTS = free_ports()


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
async def data_dir(tmp_path: Path, transport: Transport) -> AsyncIterator[Path]:
    clock = SystemClock()
    timeline = Timeline(Console(file=io.StringIO()), clock)
    stage = Stage(tmp_path, PORTS, transport, timeline=timeline, clock=clock)
    try:
        await stage.start_broker()
        await stage.start_stack()
        yield tmp_path / "stack"
    finally:
        await stage.stop()


async def tocsin(*arguments: str, data_dir: Path, stdin: bytes = b"") -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(str(ROOT / "tocsin"), *arguments),
        *("--data-dir", str(data_dir), "--port", str(PORTS.host)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate(stdin)
    return process.returncode, output.decode()


async def test_a_message_that_is_no_command_is_found_in_the_queue_rejected(data_dir: Path) -> None:
    code, said = await tocsin(
        *("queues", "send", "commands", "--body", '{"command": "LaunchRocket"}'),
        data_dir=data_dir,
    )
    assert (code, said) == (0, "sent 27 bytes to commands\n")

    code, said = await tocsin("queues", "peek", "rejected", data_dir=data_dir)

    assert code == 0
    assert "rejected: 1 message" in said
    assert "DeadLetterReason: BadRequest" in said
    assert "LaunchRocket" in said


async def test_a_message_from_stdin_keeps_its_id(data_dir: Path) -> None:
    code, _ = await tocsin(
        *("queues", "send", "rejected", "--file", "-", "--message-id", "m-1"),
        data_dir=data_dir,
        stdin=b"from stdin",
    )
    assert code == 0

    _, said = await tocsin("queues", "peek", "rejected", data_dir=data_dir)

    assert "id: m-1" in said
    assert "from stdin" in said


@pytest.mark.parametrize(
    "transport",
    [Transport(), Transport(broker=BrokerKind.SERVICEBUS)],
    ids=["embedded", "servicebus"],
)
async def test_a_queue_that_does_not_exist_is_told_in_one_line(data_dir: Path) -> None:
    code, said = await tocsin("queues", "peek", "nope", data_dir=data_dir)

    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("tocsin: MessagingEntityNotFound: ")
    assert "'nope'" in said
