"""What is called wrongly, each in a process of its own: what the terminal sees is what counts."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "COLUMNS": "100"}


def called(*arguments: str) -> tuple[int, str, str]:
    ended = subprocess.run(
        [ROOT / "tocsin", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        env=ENVIRONMENT,
        text=True,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nope",), "tocsin: No such command 'nope'; see tocsin --help"),
        (("jobs", "put"), "tocsin: Missing argument 'file'; see tocsin jobs put --help"),
        (
            ("deadletters", "redrive"),
            "tocsin: give a queue, and either sequence numbers or --all;"
            " see tocsin deadletters redrive --help",
        ),
    ],
)
def test_what_is_called_wrongly_is_told_in_one_line(arguments: tuple[str, ...], line: str) -> None:
    assert called(*arguments) == (2, "", f"{line}\n")


def test_without_a_command_there_is_help() -> None:
    code, output, errors = called("operations")

    assert (code, errors) == (2, "")
    assert "Usage: tocsin operations" in output


def test_who_reads_no_further_is_no_failure_to_complain_about() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [ROOT / "tocsin", "preview", ROOT / "examples" / "nightly-report.json"],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            env=ENVIRONMENT,
        )
    finally:
        os.close(writing)

    assert (ended.returncode, ended.stderr) == (1, b"")
