"""What the webhook receiver has written down."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A verified event and when the receiver had it."""

    arrived_at: datetime
    event: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.event["type"])

    @property
    def subject(self) -> str:
        return str(self.event.get("subject", ""))

    @property
    def operation_id(self) -> str | None:
        return self.event.get("operationid")

    @property
    def number(self) -> int:
        """Its place in the event log."""
        return int(self.event["sequence"])

    @property
    def lateness(self) -> timedelta:
        """How long after it happened it arrived."""
        return self.arrived_at - datetime.fromisoformat(self.event["time"])


class Inbox:
    """Reads the receiver's file as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.arrivals: list[Arrival] = []

    def read_new(self) -> list[Arrival]:
        """Return what arrived since the last call; an unfinished last line is left for the next one."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        complete = content[: content.rfind(b"\n") + 1]
        self._offset += len(complete)
        new = [parse(line) for line in complete.splitlines()]
        self.arrivals += new
        return new

    def find(self, is_wanted: Callable[[Arrival], bool]) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if is_wanted(arrival)]


def parse(line: bytes) -> Arrival:
    document = json.loads(line)
    return Arrival(
        arrived_at=datetime.fromisoformat(document["arrivedAt"]), event=document["event"]
    )
