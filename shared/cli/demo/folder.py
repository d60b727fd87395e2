"""The folder of a demo run: emptied before each, but only if an earlier demo made it."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from shared.errors import ConfigurationError

MARK = ".tocsin-demo"


@contextmanager
def demo_folder(path: Path) -> Iterator[Path]:
    """Make or empty the folder and hold it for as long as the block runs.

    Raises:
        ConfigurationError: it holds something else, another demo runs in it, or it cannot be written.
    """
    with ExitStack() as held:
        try:
            held.enter_context(hold(path))
            empty(path)
        except OSError as error:
            raise ConfigurationError(f"cannot use the folder {path}: {error.strerror}") from error
        yield path.resolve()


def hold(path: Path) -> TextIO:
    """Return the folder's mark, locked; closing it ends the hold."""
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()) and not (path / MARK).exists():
        raise ConfigurationError(f"{path} is not empty and no demo made it; name another folder")
    mark = (path / MARK).open("a")
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        mark.close()
        raise ConfigurationError(f"another demo is running in {path}") from error
    return mark


def empty(path: Path) -> None:
    for entry in path.iterdir():
        if entry.name == MARK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
