"""The data folder of the local stack."""

import stat
from pathlib import Path

import pytest

from shared.bootstrap import DATABASE_FILE
from shared.cli.stack_folder import StackFolder
from shared.errors import ConfigurationError
from shared.host.keys import load_keys
from shared.settings import load_settings
from tests.clocks import START


def test_every_file_that_the_settings_name_exists_after_prepare(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path / "data")

    folder.prepare(now=START, makes_key=True)

    settings = load_settings(folder.app_settings(port=7071, scheduler_port=8443))
    assert settings.scheduler_url == "https://127.0.0.1:8443"
    assert settings.data_key_file is not None
    assert settings.data_key_file.exists()
    assert settings.client_certificate is not None
    assert settings.client_certificate.exists()
    assert settings.scheduler_ca is not None
    assert settings.scheduler_ca.exists()
    assert all(path.exists() for path in settings.management_certificates)


def test_only_the_owner_may_look_into_the_folder(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path / "data")

    folder.prepare(now=START, makes_key=True)

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.data_key_file.stat().st_mode) == 0o600


def test_the_database_is_where_the_application_keeps_it(tmp_path: Path) -> None:
    assert StackFolder(tmp_path).database == tmp_path / DATABASE_FILE


def test_prepare_leaves_keys_and_certificates_that_are_there(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    folder.prepare(now=START, makes_key=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    folder.prepare(now=START, makes_key=True)

    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_file_in_the_folders_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    with pytest.raises(ConfigurationError, match="cannot write the data folder"):
        StackFolder(tmp_path / "data").prepare(now=START, makes_key=True)


def test_the_host_key_is_the_one_that_the_host_takes(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    keys = load_keys(folder.host_keys, functions=[], new_key=iter(["m", "h"]).__next__)

    assert keys.opens_admin(folder.host_key())


def test_without_keys_the_host_key_says_what_to_do_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tocsin up"):
        StackFolder(tmp_path).host_key()


def test_p8_a_database_that_has_lost_its_key_gets_no_other(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path / "data")

    folder.prepare(now=START, makes_key=False)

    assert not folder.data_key_file.exists()
