import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.sql.data_folder import DataFolder

ROOT = Path(__file__).parents[3]
OWNER = """
import sys
from pathlib import Path
from shared.sql.data_folder import DataFolder
DataFolder(Path(sys.argv[1])).acquire()
print("mine", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_owns_the_folder(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "mine\n"

        with pytest.raises(ConfigurationError, match=f"in use by process {owner.pid}"):
            DataFolder(tmp_path).acquire()

        os.kill(owner.pid, signal.SIGKILL)


def test_p7_a_killed_owner_holds_nothing(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        owner.kill()

    folder = DataFolder(tmp_path)
    folder.acquire()
    folder.release()


def test_a_released_folder_can_be_taken_again(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    first.acquire()

    first.release()

    second = DataFolder(tmp_path)
    second.acquire()
    second.release()


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "deep" / "data")

    folder.acquire()
    folder.release()

    assert (tmp_path / "deep" / "data").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="cannot write the data folder"):
        DataFolder(tmp_path / "file" / "data").acquire()
