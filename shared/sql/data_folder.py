"""One process owns a data folder: what is locked or leased in its database by a dead owner is then known to be free."""

import fcntl
import os
from pathlib import Path

from shared.errors import ConfigurationError

LOCK_FILE = "owner.lock"


class DataFolder:
    """A folder, made when it is missing; the kernel lets go of it with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Become the owner.

        Raises:
            ConfigurationError: another process owns the folder (its id is named), or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the data folder {self.path}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise ConfigurationError(
                f"the data folder {self.path} is in use by process {owner}"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another process become the owner; harmless when this one is not."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
