"""The options by which commands find a running stack, and ask for output that machines read."""

from dataclasses import dataclass
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
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Bearer token, where the connector asks for one; else TOCSIN_CONNECTOR_TOKEN.",
    ),
]


@dataclass(frozen=True, slots=True)
class StackPlace:
    """Where a running stack is, and whose token to bring."""

    data_dir: Path
    port: int
    token_file: Path | None = None
