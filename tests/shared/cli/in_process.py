"""The command line in this process: as fast as a call, for what ends before a stack is asked."""

from collections.abc import Mapping

from typer.testing import CliRunner, Result

from shared.cli.main import app
from shared.errors import TocsinError

STACK = ["--data-dir", "--port"]
NOTHING: Mapping[str, str] = {}
WIDE = {"COLUMNS": "200", "TERM": "dumb"}


def tocsin(*arguments: str, stdin: bytes = b"", environment: Mapping[str, str] = NOTHING) -> Result:
    """Run a command to its end."""
    return CliRunner().invoke(
        app, arguments, input=stdin, env={**WIDE, **environment}, prog_name="tocsin"
    )


def assert_helps(arguments: tuple[str, ...], words: list[str]) -> None:
    """Assert that `--help` of a command names everything there is."""
    shown = tocsin(*arguments, "--help")

    assert shown.exit_code == 0
    assert [word for word in words if word not in shown.output] == []


def assert_refuses(arguments: tuple[str, ...], said: str, *, stdin: bytes = b"") -> None:
    """Assert that a command says what has to be mended, and ends for that."""
    ended = tocsin(*arguments, stdin=stdin)

    if isinstance(ended.exception, TocsinError):
        assert said in ended.exception.message
    else:
        assert (said in ended.output, ended.exit_code) == (True, 2), ended.output
