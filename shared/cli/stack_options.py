"""The options by which commands find a running stack, and ask for output that machines read."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_FOLDER = Path(".tocsin")
DEFAULT_PORT = 7071

DataDirectory = Annotated[
    Path, typer.Option("--data-dir", help="Folder with database, keys and certificates.")
]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the local host.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
