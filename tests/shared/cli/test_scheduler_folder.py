"""The data folder of the Scheduler service alone."""

import stat
from pathlib import Path

from shared.bootstrap import DATABASE_FILE
from shared.cli.scheduler_folder import SchedulerFolder
from shared.settings import load_settings
from tests.clocks import START


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
