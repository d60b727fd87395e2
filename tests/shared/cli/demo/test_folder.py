"""The demo's folder: never somebody else's."""

from pathlib import Path

import pytest

from shared.cli.demo.folder import demo_folder
from shared.errors import ConfigurationError


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    with demo_folder(tmp_path / "a" / "demo") as folder:
        assert folder.is_dir()


def test_what_an_earlier_demo_left_is_removed(tmp_path: Path) -> None:
    with demo_folder(tmp_path / "demo") as folder:
        (folder / "stack").mkdir()
        (folder / "stack" / "tocsin.db").touch()
        (folder / "events.jsonl").touch()

    with demo_folder(tmp_path / "demo") as folder:
        assert [path.name for path in folder.iterdir()] == [".tocsin-demo"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(ConfigurationError, match="not empty"), demo_folder(tmp_path):
        pass

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_link_in_the_folder_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").touch()
    with demo_folder(tmp_path / "demo") as folder:
        (folder / "link").symlink_to(tmp_path / "precious")

    with demo_folder(tmp_path / "demo"):
        assert (tmp_path / "precious" / "thesis.txt").exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        demo_folder(tmp_path / "demo"),
        pytest.raises(ConfigurationError, match="another demo is running"),
        demo_folder(tmp_path / "demo"),
    ):
        pass


def test_a_file_in_its_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()

    with (
        pytest.raises(ConfigurationError, match="cannot use the folder"),
        demo_folder(tmp_path / "demo"),
    ):
        pass
