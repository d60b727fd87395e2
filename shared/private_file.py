"""Files that hold a secret: their owner's alone from the first byte on, and whole or not there."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def create_private_file(path: Path, content: bytes) -> None:
    """Write a file unless there is one: of several processes that do so at once, one wins, and all can read it.

    A process that dies here leaves no half of a secret under that name.
    """
    if path.exists():
        return
    with written_aside(path, content) as unfinished, contextlib.suppress(FileExistsError):
        os.link(unfinished, path)


@contextlib.contextmanager
def written_aside(path: Path, content: bytes) -> Iterator[Path]:
    """Give a file beside `path` that has `content` on disk already, for the block to link or rename; it then has that
    on disk too, and what is left of the file is gone."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield unfinished
        sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Have on disk which files the folder has; without it a power cut may bring back the folder from before."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
