"""The demo as a new user runs it, in a pipe: right when all is well, and honest when it is not."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.wire.catalogue import CATALOGUE
from tests.event_conformance import check_event

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240
PIPE_WIDTH = 100
STEPS = (
    "1. Start the Scheduler service, the local host and a webhook receiver",
    "2. Create a cloud service and a job collection; register the webhook",
    "3. Put examples/nightly-report.json, its URIs replaced, and a job that fails; delete another",
    "4. See both jobs fire at their startTime; run the report once more",
    "5. Send a malformed request, and a queue message that is no command",
    "6. Kill the stack between accepting and executing; start it again",
    "7. Kill the stack while an action runs; start it again",
    "8. See the failing job: its retry, its error action and its end",
)
OF_THE_CONNECTOR = (
    "called with no certificate → 403 AuthenticationFailed",
    "Operation-Location: …/operations/",
    "has woken execute_operation, runs since the PUT: ",
    f"$.command: must be one of CreateOrUpdateCloudService, … ({len(CATALOGUE)})",
    "$.recurrence.interval",
    "DeadLetterReason = ",
    "killed with SIGKILL",
    "s after the kill, ",
    "s after the restart",
)
OF_THE_ENGINE = (
    "POST /actions/nightly-report → 200, attempt 1, ",
    "X-Report: nightly, Idempotency-Key: ",
    "GET …/nightly-report/history → 200",
    "history: MainAction completed, started ",
    "its message: Http Action - Response from host '127.0.0.1': 'OK' …",
    "tocsin.attempt.succeeded, nightly-report, verified, ",
    "tocsin.execution.succeeded, nightly-report, verified, ",
    "POST …/nightly-report/run → 202, ",
    "run once more; the next occurrence stays ",
    "POST /actions/slow-export → 200 due in 3 s, attempt 1, ",
    "the caller of /actions/slow-export is gone and got no answer",
    "2 requests, 1 Idempotency-Key, 1 record, 1 end of the execution",
    "tocsin.job.completed, slow-export, verified, ",
    "POST /actions/broken-import → 500, attempt 1, ",
    "the retry of broken-import is due at +",
    "POST /actions/broken-import → 500, attempt 2",
    "POST /actions/broken-import-failed → 200, attempt 3",
    "tocsin.attempt.failed, broken-import, verified, ",
    "tocsin.execution.failed, broken-import, verified, ",
    "tocsin.job.faulted, broken-import, verified, ",
    "history: MainAction failed, MainAction failed, ErrorAction completed",
    "read back: state faulted, executionCount 2, failureCount 2, faultedCount 1",
    "events, and all are at the webhook",
    "; in the lines of `target` to the arrival of its request",
)
EXECUTIONS = [
    "nightly-report schedule 1 1 succeeded",
    "broken-import schedule 3 3 failed",
    "nightly-report request 1 1 succeeded",
    "slow-export schedule 1 2 succeeded",
]
CELL = re.compile(r"[^│\s](?:[^│]*[^│\s])?")
PROCESS = re.compile(r"process (\d+)")


async def start_demo(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(str(ROOT / "tocsin"), "demo", "--data-dir", str(folder), *options),
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def output_of(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(LIMIT_SECONDS):
        output, _ = await process.communicate()
    return output.decode()


def executions_in(output: str) -> list[str]:
    """Return the rows of the last table, without its instants."""
    _, _, table = output.partition("\nExecutions\n")
    rows = [CELL.findall(line) for line in table.splitlines() if line.startswith("│")]
    assert all(row[4].endswith(" ms") and not row[4].startswith("-") for row in rows), rows
    return [" ".join((row[0], row[1], *row[5:])) for row in rows]


def left_behind(output: str) -> list[int]:
    """Return the processes that the demo named and that still run."""
    return [pid for pid in map(int, PROCESS.findall(output)) if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(
    "options", [(), ("--broker", "servicebus", "--strict")], ids=["embedded", "servicebus-strict"]
)
async def test_demo_shows_every_step_and_exits_0(options: tuple[str, ...], tmp_path: Path) -> None:
    process = await start_demo(tmp_path / "demo", *options)

    output = await output_of(process)

    assert process.returncode == 0, output
    for step in STEPS:
        assert step in output
    for seen in (*OF_THE_CONNECTOR, *OF_THE_ENGINE, "demo succeeded in"):
        assert seen in " ".join(output.split())
    assert executions_in(output) == EXECUTIONS
    assert not re.search(r" $", output, re.MULTILINE)
    # Where pytest puts the folder is not the demo's doing.
    lines = output.replace(str(tmp_path), ".tocsin").splitlines()
    assert max(map(len, lines)) <= PIPE_WIDTH
    assert "\x1b" not in output
    assert left_behind(output) == []
    for line in (tmp_path / "demo" / "events.jsonl").read_text().splitlines():
        check_event(json.loads(line)["event"])


async def test_demo_that_cannot_see_its_event_says_what_it_expected_and_exits_1(
    tmp_path: Path,
) -> None:
    # The operator's setting wins, and it does not open the loopback network that the receiver is on.
    process = await start_demo(
        tmp_path / "demo", environment={"TOCSIN_ALLOWED_NETWORKS": "10.0.0.0/8"}
    )

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
