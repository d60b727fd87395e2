"""Where the service that runs on a data folder is reached: a note in the folder, there while it listens."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NOTE = "listening.json"


@dataclass(frozen=True, slots=True)
class RunningService:
    """`authority` is the PEM file of who signed its certificate."""

    url: str
    authority: Path


@contextmanager
def listening(folder: Path, service: RunningService) -> Iterator[None]:
    """Note while the block runs that this process is `service`, whole or not at all."""
    file = folder / NOTE
    passing = file.with_name(f"{file.name}.new")
    note = {"url": service.url, "authority": str(service.authority), "process": os.getpid()}
    passing.write_text(json.dumps(note))
    passing.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def running_service(folder: Path) -> RunningService | None:
    """Return the service that runs on a folder; None when none does."""
    try:
        note = json.loads((folder / NOTE).read_bytes())
        # A process that was killed has left its note behind.
        os.kill(note["process"], 0)
        return RunningService(note["url"], Path(note["authority"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
