import stat
from pathlib import Path

import pytest

from shared.private_file import create_private_file, written_aside


def test_a_file_is_its_owners_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    create_private_file(path, b"s3cret")

    assert path.read_bytes() == b"s3cret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"first")

    create_private_file(path, b"second")

    assert path.read_bytes() == b"first"


def test_a_file_that_somebody_else_makes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    with written_aside(path, b"second") as unfinished:
        path.write_bytes(b"first")
        create_private_file(path, b"third")
        with pytest.raises(FileExistsError):
            path.hardlink_to(unfinished)

    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_aside_is_whole_before_it_has_its_name_and_gone_when_that_fails(
    tmp_path: Path,
) -> None:
    path = tmp_path / "secret"

    def die() -> None:
        with written_aside(path, b"s3cret") as unfinished:
            assert unfinished.read_bytes() == b"s3cret"
            assert stat.S_IMODE(unfinished.stat().st_mode) == 0o600
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        create_private_file(tmp_path / "none" / "secret", b"")
