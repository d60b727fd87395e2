"""What runs the clients of other languages and versions, if this machine has it."""

import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from shared.settings import app_settings

NODE = Path(__file__).parents[1] / "node"
MODULES = NODE / "node_modules"
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"


def absent(what: str) -> NoReturn:
    """Skip on a laptop; CI has everything, so there it fails."""
    if app_settings().get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def node_program() -> str:
    """Return the path of node on a machine that has it and the modules of `node/`."""
    node = shutil.which("node")
    if node is None:
        absent("there is no node")
    if not (MODULES / ".done").exists():
        absent(
            "there is no node_modules: `make tests/conformance/node/node_modules/.done` makes it"
        )
    return node


def node_command(script: str) -> list[str | Path]:
    """Return what starts a script of `node/`."""
    return [node_program(), "--no-deprecation", NODE / script]
