"""Child processes of the demo: real ones."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from shared.cli.demo.child import Child
from shared.cli.demo.expectation import Found, wait_until
from shared.clock import SystemClock


async def ended(child: Child) -> None:
    async def look() -> bool | Found:
        return child.exit_code is not None or Found("it is running")

    await wait_until("the child to end", look, within=timedelta(seconds=30), clock=SystemClock())


async def test_output_goes_to_the_log_and_the_exit_code_is_kept(tmp_path: Path) -> None:
    child = Child(["receive", "--no-such-option"], log=tmp_path / "child.log")

    await child.start()
    await ended(child)

    assert child.exit_code == 2
    assert "--no-such-option" in child.log_tail()


async def test_what_it_says_on_stdout_is_dropped_where_that_is_a_secret(tmp_path: Path) -> None:
    child = Child(["receive", "--help"], log=tmp_path / "child.log", is_output_secret=True)

    await child.start()
    await ended(child)

    assert child.exit_code == 0
    assert child.log_tail() == ""


async def test_a_child_gets_settings_that_no_command_line_shows(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    child = Child(["up", "--data-dir", str(folder)], log=tmp_path / "child.log")

    await child.start({"TOCSIN_COLOUR": "blue"})
    await ended(child)

    assert "unknown settings: TOCSIN_COLOUR" in child.log_tail()


async def test_stop_of_a_child_that_was_never_started_does_nothing(tmp_path: Path) -> None:
    child = Child(["receive"], log=tmp_path / "child.log")

    await child.stop()

    assert child.exit_code is None
    assert child.log_tail() == ""


async def test_killed_child_is_gone(tmp_path: Path) -> None:
    child = Child(["--help"], log=tmp_path / "child.log")
    await child.start()

    await child.kill()

    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
