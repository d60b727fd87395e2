"""`tocsin up`, first half: make the data folder ready, then become the process that stays.

The second half is a program of its own (`shared.cli.stack`) in the same process: what parsing arguments and making
certificates and tables needed is then out of memory.
"""

import os
import sys
from pathlib import Path

from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock

ROOT = Path(__file__).parents[2]


def start(data_dir: Path, *, port: int, scheduler_port: int) -> None:
    """Never returns but by an exception.

    Raises:
        ConfigurationError: the folder is in use or cannot be written.
    """
    folder = StackFolder(data_dir.resolve())
    is_new = not folder.database.exists()
    # The key comes before the database: a start that ends between the two goes on with it.
    folder.prepare(now=SystemClock().now(), makes_key=is_new)
    if is_new:
        # Making tables takes 40 MB that the process which stays need not carry; it checks them in any case.
        from shared.bootstrap import migrate_data_folder

        migrate_data_folder(folder.path)
    # -m looks for modules in the working directory first.
    os.chdir(ROOT)
    program = [sys.executable, "-m", "shared.cli.stack"]
    os.execv(sys.executable, [*program, str(folder.path), str(port), str(scheduler_port)])
