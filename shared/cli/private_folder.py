"""A data folder as the programs that own one find it: its owner's alone, with a database and the key of its secrets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ConfigurationError
from shared.key_ring import create_key_file


@dataclass(frozen=True, slots=True)
class PrivateFolder:
    """Where the files are; nothing is made before somebody asks for it."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "tocsin.db"

    @property
    def data_key_file(self) -> Path:
        return self.path / "data-key.json"

    @contextmanager
    def making(self, *, makes_key: bool) -> Iterator[None]:
        """Make the folder, then what the block makes in it, then the key; what is there stays.

        A key must not be made for a database that has lost its own.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            yield
            if makes_key:
                create_key_file(self.data_key_file)
        except OSError as error:
            reason = "it is a file" if self.path.is_file() else error.strerror
            raise ConfigurationError(
                f"cannot write the data folder {self.path}: {reason}"
            ) from error
