"""The demo as a new user runs it, in a pipe: right when all is well, and honest when it is not."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 120
PIPE_WIDTH = 100
STEPS = (
    "1. Start the Scheduler service, the local host and a webhook receiver",
    "2. Create a cloud service and a job collection; register the webhook",
    "3. Put the job of examples/nightly-report.json; delete another",
    "4. Send a malformed request, and a queue message that is no command",
    "5. Kill the stack between accepting and executing; start it again",
)
PROCESS = re.compile(r"process (\d+)")


async def start_demo(
    folder: Path, environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(str(ROOT / "tocsin"), "demo", "--data-dir", str(folder)),
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def output_of(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(LIMIT_SECONDS):
        output, _ = await process.communicate()
    return output.decode()


def left_behind(output: str) -> list[int]:
    """Return the processes that the demo named and that still run."""
    return [pid for pid in map(int, PROCESS.findall(output)) if Path(f"/proc/{pid}").exists()]


async def test_demo_shows_every_step_and_exits_0(tmp_path: Path) -> None:
    process = await start_demo(tmp_path / "demo")

    output = await output_of(process)

    assert process.returncode == 0, output
    for step in STEPS:
        assert step in output
    for seen in (
        "called with no certificate → 403 AuthenticationFailed",
        "Operation-Location: …/operations/",
        "$.command: must be one of CreateOrUpdateCloudService, … (16)",
        "$.recurrence.interval",
        "DeadLetterReason = ",
        "killed with SIGKILL",
        "s after the kill, ",
        "s after the restart",
        "demo succeeded in",
    ):
        assert seen in " ".join(output.split())
    assert not re.search(r" $", output, re.MULTILINE)
    assert max(map(len, output.splitlines())) <= PIPE_WIDTH
    assert "\x1b" not in output
    assert left_behind(output) == []


async def test_demo_that_cannot_see_its_event_says_what_it_expected_and_exits_1(
    tmp_path: Path,
) -> None:
    # The operator's setting wins, and it does not open the loopback network that the receiver is on.
    process = await start_demo(tmp_path / "demo", {"TOCSIN_ALLOWED_NETWORKS": "10.0.0.0/8"})

    output = await output_of(process)

    assert process.returncode == 1, output
    assert "expected: 201 for the event subscription" in output
    assert "found: " in output
    assert "127.0.0.1, which is not allowed" in output
    assert "end of " in output
    assert "demo succeeded" not in output
    assert left_behind(output) == []


async def test_interrupted_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    process = await start_demo(tmp_path / "demo")
    assert process.stdout is not None
    shown = b""
    async with asyncio.timeout(LIMIT_SECONDS):
        while b"local host on" not in shown:
            line = await process.stdout.readline()
            assert line, shown
            shown += line

    os.kill(process.pid, signal.SIGINT)

    shown += (await output_of(process)).encode()
    assert process.returncode not in (0, None)
    assert b"Traceback" not in shown
    assert len(PROCESS.findall(shown.decode())) >= 2
    assert left_behind(shown.decode()) == []
