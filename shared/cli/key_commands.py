"""The commands of `./tocsin keys`; each imports what it needs when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.stack_options import DEFAULT_FOLDER

keys = typer.Typer(help="The keys that secrets are sealed under.", no_args_is_help=True)

KeysDirectory = Annotated[
    Path, typer.Option("--data", help="Folder with data-key.json and the database.")
]


@keys.command("list")
def list_keys(data: KeysDirectory = DEFAULT_FOLDER) -> None:
    """Show each key, which is current, and how many sealed values need it."""
    from shared.cli.data_keys import list_keys

    list_keys(data)


@keys.command("rotate")
def rotate_key(data: KeysDirectory = DEFAULT_FOLDER) -> None:
    """Add a key and make it the current one."""
    from shared.cli.data_keys import rotate_key

    rotate_key(data)


@keys.command("prune")
def prune_keys(data: KeysDirectory = DEFAULT_FOLDER) -> None:
    """Remove the keys that nothing uses any more."""
    from shared.cli.data_keys import prune_keys

    prune_keys(data)
