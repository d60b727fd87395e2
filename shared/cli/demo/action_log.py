"""What the target of actions has written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.cli.demo.growing_file import GrowingFile
from shared.wire.times import parse_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """A request of the engine, from the target's side; `status` is the answer, given after `delay`."""

    id: str
    arrived_at: datetime
    method: str
    name: str
    headers: Mapping[str, str]
    body: str
    status: int
    delay: timedelta

    @property
    def job(self) -> str:
        return self.headers["x-ms-scheduler-jobid"]

    @property
    def attempt(self) -> int:
        return int(self.headers["x-ms-scheduler-attempt"])

    @property
    def expected_at(self) -> datetime:
        """When the occurrence was planned for."""
        return parse_instant(self.headers["x-ms-scheduler-expected-execution-time"])

    @property
    def lateness(self) -> timedelta:
        """How long after its planned instant it arrived."""
        return self.arrived_at - self.expected_at

    @property
    def execution_id(self) -> str:
        return self.headers["idempotency-key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """The caller was gone before its answer."""

    request: ActionRequest
    left_at: datetime


class ActionLog:
    """Reads the receiver's file of actions as it grows."""

    def __init__(self, path: Path) -> None:
        self._file = GrowingFile(path)
        self._requests: dict[str, ActionRequest] = {}
        self._departures: dict[str, Departure] = {}

    @property
    def requests(self) -> list[ActionRequest]:
        """Every request so far, in the order of arrival."""
        return list(self._requests.values())

    def read_new(self) -> list[ActionRequest | Departure]:
        """Return what was written since the last call."""
        return [self._note(line) for line in self._file.read_new()]

    def named(self, name: str) -> list[ActionRequest]:
        """Return the requests for `/actions/{name}`."""
        return [request for request in self.requests if request.name == name]

    def departure(self, request: ActionRequest) -> Departure | None:
        return self._departures.get(request.id)

    def _note(self, line: dict[str, Any]) -> ActionRequest | Departure:
        id = str(line["request"])
        if "leftAt" in line:
            left_at = datetime.fromisoformat(line["leftAt"])
            self._departures[id] = Departure(request=self._requests[id], left_at=left_at)
            return self._departures[id]
        self._requests[id] = ActionRequest(
            id=id,
            arrived_at=datetime.fromisoformat(line["arrivedAt"]),
            method=line["method"],
            name=line["name"],
            headers=line["headers"],
            body=line["body"],
            status=line["status"],
            delay=timedelta(seconds=line["delay"]),
        )
        return self._requests[id]
