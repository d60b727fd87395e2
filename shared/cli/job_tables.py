"""Jobs and their history as people read them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType

from shared.cli.terminal import (
    Fitting,
    cell,
    distance_text,
    duration_text,
    facts_of,
    printable,
    stacked,
    status_cell,
    table_of,
)
from shared.wire.times import parse_instant

Job = Mapping[str, Any]
Record = Mapping[str, Any]
RESPONSE_HEADERS = re.compile(r"\s*Response Headers:.*", re.DOTALL)
"""What a record goes on with after it has said how the call ended."""
MAIN_ACTION = "MainAction"
LEAST_MESSAGE = 40
"""So many columns a message needs; it is prose."""


def jobs_table(jobs: Sequence[Job], now: datetime) -> RenderableType:
    """Return a line for each job, or a few where they are too long for the terminal."""
    if not jobs:
        return cell("no jobs", "dim")
    headers = ("Job", "!State", "!Next", "!Last", ">Runs", ">Failed", ">Faulted")
    return Fitting(
        table_of(headers, [job_row(job, now) for job in jobs]),
        lambda: table_of(("!State", "Job"), [stacked_job(job, now) for job in jobs]),
    )


def job_row(job: Job, now: datetime) -> list[RenderableType]:
    status = job.get("status") or {}
    return [
        cell(job["id"]),
        status_cell(job.get("state")),
        cell(distance_text(instant(status.get("nextExecutionTime")), now)),
        cell(distance_text(instant(status.get("lastExecutionTime")), now)),
        cell(status.get("executionCount")),
        failures_cell(status.get("failureCount")),
        failures_cell(status.get("faultedCount")),
    ]


def stacked_job(job: Job, now: datetime) -> list[RenderableType]:
    status = job.get("status") or {}
    times = [
        f"{name} {distance}"
        for name, member in (("next", "nextExecutionTime"), ("last", "lastExecutionTime"))
        if (distance := distance_text(instant(status.get(member)), now))
    ]
    lines = [cell(job["id"], "bold"), cell(", ".join(times)), cell(f"runs {counts_text(status)}")]
    return [status_cell(job.get("state")), stacked(*lines)]


def failures_cell(count: int | None) -> RenderableType:
    return cell(count, "red" if count else "")


def job_facts(job: Job, now: datetime) -> RenderableType:
    """Return what a job is, and how it does."""
    status = job.get("status") or {}
    facts: list[tuple[str, RenderableType]] = [
        ("job", cell(job["id"])),
        ("state", status_cell(job.get("state"))),
        ("action", cell(action_text(job.get("action") or {}))),
    ]
    if error_action := (job.get("action") or {}).get("errorAction"):
        facts.append(("error action", cell(action_text(error_action))))
    facts.append(("recurrence", cell(recurrence_text(job.get("recurrence")))))
    if "startTime" in job:
        facts.append(("starts", instant_cell(job["startTime"], now)))
    facts += [
        ("next", instant_cell(status.get("nextExecutionTime"), now)),
        ("last", instant_cell(status.get("lastExecutionTime"), now)),
        ("runs", cell(counts_text(status))),
    ]
    return facts_of(facts)


def counts_text(status: Mapping[str, Any]) -> str:
    counts = [status.get(name, 0) for name in ("executionCount", "failureCount", "faultedCount")]
    return "{}, {} failed, {} faulted".format(*counts)


def action_text(action: Mapping[str, Any]) -> str:
    """Return what an action does, in a line; no secret is in what names it."""
    request = action.get("request")
    if isinstance(request, Mapping):
        return f"{request.get('method', '')} {request.get('uri', '')}".strip()
    message: Mapping[str, Any] = next((action[name] for name in MESSAGES if name in action), {})
    target = "/".join(str(message[name]) for name in TARGETS if name in message)
    return f"{action.get('type', '')} {target}".strip()


MESSAGES = ("queueMessage", "serviceBusQueueMessage", "serviceBusTopicMessage")
TARGETS = ("storageAccount", "namespace", "queueName", "topicPath")


def recurrence_text(recurrence: Mapping[str, Any] | None) -> str:
    """Return how often, in a line."""
    if not recurrence:
        return "once"
    interval, frequency = recurrence.get("interval", 1), recurrence.get("frequency", "")
    words = [f"every {frequency}" if interval == 1 else f"every {interval} {frequency}s"]
    for name, values in (recurrence.get("schedule") or {}).items():
        words.append(f"{name} {listed(values)}")
    if "count" in recurrence:
        words.append(f"{recurrence['count']} times")
    if "endTime" in recurrence:
        words.append(f"until {recurrence['endTime']}")
    return ", ".join(words)


def listed(values: Any) -> str:
    if not isinstance(values, list):
        return str(values)
    return " ".join(
        " ".join(map(str, each.values())) if isinstance(each, Mapping) else str(each)
        for each in values
    )


def history_table(records: Sequence[Record], now: datetime) -> RenderableType:
    """Return the attempts as a timeline, the newest first."""
    if not records:
        return cell("no attempts yet", "dim")
    headers = ("!Started", ">Age", "!", ">Took", "!Status", ">Run", ">Try", "Message")
    return Fitting(
        table_of(headers, [record_row(each, now) for each in records]),
        lambda: table_of(
            ("!Started", "!", "Attempt"), [stacked_record(each, now) for each in records]
        ),
        least=LEAST_MESSAGE,
    )


def record_row(record: Record, now: datetime) -> list[RenderableType]:
    started = instant(record.get("startTime"))
    return [
        cell(started_text(started)),
        cell(None if started is None else duration_text(now - started)),
        status_mark(record),
        cell(took_text(record)),
        status_cell(record.get("status")),
        cell(record.get("repeatCount")),
        cell(record.get("retryCount")),
        cell(message_text(record)),
    ]


def stacked_record(record: Record, now: datetime) -> list[RenderableType]:
    started = instant(record.get("startTime"))
    numbers = [("run", record.get("repeatCount")), ("try", record.get("retryCount"))]
    facts = [f" after {took_text(record)}"] if took_text(record) else [""]
    facts += [f"{name} {number}" for name, number in numbers if number is not None]
    return [
        stacked(cell(started_text(started)), cell(distance_text(started, now), "dim")),
        status_mark(record),
        stacked(
            status_cell(record.get("status")).append(printable(", ".join(facts)), "default"),
            cell(message_text(record)),
        ),
    ]


def started_text(started: datetime | None) -> str | None:
    return None if started is None else f"{started:%Y-%m-%d %H:%M:%S}"


def took_text(record: Record) -> str | None:
    started, ended = instant(record.get("startTime")), instant(record.get("endTime"))
    return None if started is None or ended is None else duration_text(ended - started)


def status_mark(record: Record) -> RenderableType:
    """Return the point on the line: full for the main action, empty for the error action."""
    mark = "●" if record.get("actionName") == MAIN_ACTION else "○"
    return cell(mark, "green" if record.get("status") == "completed" else "red")


def message_text(record: Record) -> str:
    """Return how the call ended, without what the answer said."""
    return RESPONSE_HEADERS.sub("", str(record.get("message") or ""))


def instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def instant_cell(text: str | None, now: datetime) -> RenderableType:
    distance = distance_text(instant(text), now)
    return cell(None if text is None else f"{text} ({distance})")
