"""How the demo names what it leaves behind."""

from pathlib import Path

from shared.cli.demo.run import shown


def test_a_path_below_the_working_directory_is_shown_from_there() -> None:
    assert shown(Path.cwd() / ".tocsin" / "demo") == Path(".tocsin/demo")


def test_any_other_path_is_shown_whole(tmp_path: Path) -> None:
    assert shown(tmp_path) == tmp_path
