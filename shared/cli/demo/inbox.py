"""What the webhook receiver has written down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.cli.demo.growing_file import GrowingFile


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
    def execution_id(self) -> str | None:
        return self.event.get("executionid")

    @property
    def number(self) -> int:
        """Its place in the event log."""
        return int(self.event["sequence"])

    @property
    def lateness(self) -> timedelta:
        """How long after it happened it arrived."""
        return self.arrived_at - datetime.fromisoformat(self.event["time"])


class Inbox:
    """Reads the receiver's file of events as it grows."""

    def __init__(self, path: Path) -> None:
        self._file = GrowingFile(path)
        self.arrivals: list[Arrival] = []

    def read_new(self) -> list[Arrival]:
        """Return what arrived since the last call."""
        new = [
            Arrival(arrived_at=datetime.fromisoformat(line["arrivedAt"]), event=line["event"])
            for line in self._file.read_new()
        ]
        self.arrivals += new
        return new

    def find(self, is_wanted: Callable[[Arrival], bool]) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if is_wanted(arrival)]
