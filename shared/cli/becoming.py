"""How a command becomes the program that stays.

That is a program of its own in the same process, so that what parsing arguments and making certificates and tables
needed is then out of memory.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]


def make_tables(folder: Path) -> None:
    """Make the tables of a new data folder; it takes 40 MB that the program which stays need not carry.

    Raises:
        ConfigurationError: the folder is in use or cannot be written.
    """
    from shared.bootstrap import migrate_data_folder

    migrate_data_folder(folder)


def become(module: str, *arguments: str) -> NoReturn:
    """Replace this process by `python -m module arguments`."""
    # -m looks for modules in the working directory first.
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
