import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.sql.data_folder import DataFolder

HOLD = """
import os, sys, time
from pathlib import Path
from shared.sql.data_folder import DataFolder
folder = DataFolder(Path(sys.argv[1]))
if len(sys.argv) > 2:
    child = os.fork()
    if child == 0:
        os.close(1)
        time.sleep(60)
    print(child, flush=True)
print("held", flush=True)
sys.stdin.read()
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_second_process_is_told_the_first_ones_id(tmp_path: Path) -> None:
    first = start(tmp_path / "data")
    assert line(first) == "held"

    with pytest.raises(ConfigurationError, match=rf"process {first.pid}$"):
        DataFolder(tmp_path / "data")

    kill(first)


def test_folder_of_a_killed_process_is_free(tmp_path: Path) -> None:
    first = start(tmp_path)
    assert line(first) == "held"
    kill(first)

    DataFolder(tmp_path).close()


def test_forked_child_does_not_keep_the_folder_of_its_dead_parent(tmp_path: Path) -> None:
    parent = start(tmp_path, "fork")
    child = int(line(parent))
    assert line(parent) == "held"
    kill(parent)

    DataFolder(tmp_path).close()

    os.kill(child, signal.SIGKILL)


def test_started_program_does_not_keep_the_folder(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    program = subprocess.Popen(["sleep", "60"], close_fds=False)

    folder.close()
    again = DataFolder(tmp_path)

    program.kill()
    program.wait()
    again.close()


def test_folder_is_made_for_its_owner_only_and_can_be_held_again(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b")
    folder.close()
    folder.close()

    again = DataFolder(tmp_path / "a" / "b")

    assert again.path.stat().st_mode & 0o777 == 0o700
    assert (again.path / "lock").read_text() == f"{os.getpid()}\n"
    again.close()


def test_one_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)

    with pytest.raises(ConfigurationError, match=str(os.getpid())):
        DataFolder(tmp_path)

    folder.close()
