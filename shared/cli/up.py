"""`tocsin up`, first half: make the data folder ready, then become `shared.cli.stack`, which stays."""

from pathlib import Path
from typing import NoReturn

from shared.cli.becoming import become, make_tables
from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock


def start(data_dir: Path, *, port: int, scheduler_port: int) -> NoReturn:
    """Become the stack.

    Raises:
        ConfigurationError: the folder is in use or cannot be written.
    """
    folder = StackFolder(data_dir.resolve())
    is_new = not folder.database.exists()
    # The key comes before the database: a start that ends between the two goes on with it.
    folder.prepare(now=SystemClock().now(), makes_key=is_new)
    if is_new:
        make_tables(folder.path)
    become("shared.cli.stack", str(folder.path), str(port), str(scheduler_port))
