"""Files that hold a secret: their owner's alone from the first byte on, and whole or not there."""

import contextlib
import os
from pathlib import Path


def create_private_file(path: Path, content: bytes) -> None:
    """Write a file unless there is one: of several processes that do so at once, one wins, and all can read it.

    A process that dies here leaves no half of a secret under that name.
    """
    if path.exists():
        return
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        os.close(descriptor)
        unfinished.unlink()
