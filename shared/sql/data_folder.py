"""A data folder belongs to one process at a time: broker and engine count in memory what they alone write."""

import fcntl
import os
import weakref
from pathlib import Path

from shared.errors import ConfigurationError


class DataFolder:
    """The folder, held by a lock on the file `lock` in it until `close` or the end of the process.

    Nothing has to be cleaned up after a process that was killed. Processes that this one starts hold nothing: the file
    is closed on exec, and by a hook after fork.

    Raises:
        ConfigurationError: another process has it (the message names its id), or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file: int | None = os.open(
                path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the data folder {str(path)!r}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._file, 20, 0).decode().strip()
            self.close()
            raise ConfigurationError(
                f"data folder {str(path)!r} is in use by process {owner or 'that is just starting'}"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        HELD.add(self)

    def close(self) -> None:
        """Let another process have the folder."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


HELD: "weakref.WeakSet[DataFolder]" = weakref.WeakSet()


def let_go() -> None:
    """In a forked child: closing its descriptor leaves the parent's lock alone, and lets it end with the parent."""
    for folder in list(HELD):
        folder.close()


os.register_at_fork(after_in_child=let_go)
