"""Child processes of the demo: real ones."""

import os
from pathlib import Path

import pytest

from shared.cli.demo.child import Child


async def test_output_goes_to_the_log_and_the_exit_code_is_kept(tmp_path: Path) -> None:
    child = Child(["receive", "--no-such-option"], log=tmp_path / "child.log")

    await child.start()
    await child.stop()

    assert child.exit_code == 2
    assert "--no-such-option" in child.log_tail()


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
