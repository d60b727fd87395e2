"""The data folder of the Scheduler service alone."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shared.bootstrap import DATABASE_FILE
from shared.cli.scheduler_folder import SchedulerFolder
from shared.errors import ConfigurationError
from shared.settings import load_settings
from tests.clocks import START

URL = "https://127.0.0.1:8443"


def test_what_the_settings_name_exists_after_prepare_and_is_its_owners_alone(
    tmp_path: Path,
) -> None:
    folder = SchedulerFolder(tmp_path / "data")

    folder.prepare(now=START, makes_key=True)

    settings = load_settings(folder.app_settings())
    assert settings.data_key_file == folder.data_key_file
    assert folder.database == settings.data_dir / DATABASE_FILE
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    files = [folder.data_key_file, *folder.tls.folder.iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_prepare_leaves_key_and_certificates_that_are_there(tmp_path: Path) -> None:
    folder = SchedulerFolder(tmp_path)
    folder.prepare(now=START, makes_key=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    folder.prepare(now=START, makes_key=True)

    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_who_looks_finds_where_it_listens_while_it_does(tmp_path: Path) -> None:
    folder = SchedulerFolder(tmp_path)

    with folder.listening(URL):
        assert folder.running_url() == URL

    with pytest.raises(ConfigurationError, match="no service runs on"):
        folder.running_url()
    assert list(tmp_path.iterdir()) == []


def test_a_note_that_a_killed_process_left_is_none(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    note = {"url": URL, "process": gone.pid}
    (tmp_path / "listening.json").write_text(json.dumps(note))

    with pytest.raises(ConfigurationError, match="tocsin scheduler --data"):
        SchedulerFolder(tmp_path).running_url()

    (tmp_path / "listening.json").write_text(json.dumps({**note, "process": os.getpid()}))
    assert SchedulerFolder(tmp_path).running_url() == URL
