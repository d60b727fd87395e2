"""What a receiver has written, as lines of its files."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.wire.times import format_instant
from tests.clocks import START

JOB = "/cloudservices/demo/jobcollections/reports/jobs/nightly"


def add_line(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(line)}\n")


def event_line(
    event_id: str,
    event_type: str = "tocsin.operation.succeeded",
    *,
    number: int = 1,
    at: datetime = START,
    **members: Any,
) -> dict[str, Any]:
    """An event that arrived 20 ms after what it tells of; `members` are further ones of the event."""
    event = {
        "id": event_id,
        "type": event_type,
        "subject": JOB,
        "time": format_instant(at),
        "sequence": f"{number:019}",
        **members,
    }
    arrived_at = at + timedelta(milliseconds=20)
    return {"id": event_id, "arrivedAt": arrived_at.isoformat(), "event": event}


def action_line(
    request: str = "r1",
    *,
    execution: str = "e1",
    attempt: int = 1,
    at: datetime = START,
    planned: datetime = START,
    **members: Any,
) -> dict[str, Any]:
    """A request of the engine that is answered 200 at once; `members` replaces what the line has."""
    headers = {
        "x-ms-scheduler-jobid": "nightly",
        "x-ms-scheduler-attempt": str(attempt),
        "x-ms-scheduler-expected-execution-time": format_instant(planned),
        "idempotency-key": execution,
    }
    line = {"request": request, "arrivedAt": at.isoformat(), "method": "POST", "name": "nightly"}
    return {**line, "headers": headers, "body": "", "status": 200, "delay": 0.0, **members}
