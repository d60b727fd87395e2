"""The tables at the end of the demo: every event and every execution, with how late each was."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from shared.cli.demo.action_log import ActionLog
from shared.cli.demo.expectation import expect
from shared.cli.demo.inbox import Arrival, Inbox
from shared.cli.demo.timeline import Timeline
from shared.cli.demo.watcher import ENDS
from shared.cli.demo.wording import end_of, last_name, milliseconds
from shared.wire.times import parse_instant

EVENTS_LEGEND = """verified: its signature fits; late: from what the event tells of to its arrival
after a start the first one waits until the HTTP client is loaded"""
EXECUTIONS_LEGEND = """late: from the planned instant to the start of the first recorded attempt;
in the lines of `target` to the arrival of its request
requests: at the targets; one more than attempts where a kill cut one short"""
NUMBERS = ("#", "arrived", "planned", "started", "late", "attempts", "requests")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedExecution:
    """An execution as its events tell of it; `requests` is what the targets saw."""

    job: str
    origin: str
    planned: datetime
    started: datetime
    attempts: int
    requests: int
    outcome: str

    @property
    def lateness(self) -> timedelta:
        return self.started - self.planned


def show_events(inbox: Inbox, timeline: Timeline) -> None:
    columns: dict[str, Callable[[Arrival], str]] = {
        "#": lambda arrival: str(arrival.number),
        "arrived": lambda arrival: timeline.since_start(arrival.arrived_at),
        "late": lambda arrival: milliseconds(arrival.lateness),
        "type": lambda arrival: arrival.type,
        "subject": lambda arrival: arrival.subject,
    }
    if not timeline.is_wide:
        columns["subject"] = lambda arrival: end_of(arrival.subject)
    if timeline.is_narrow:
        del columns["arrived"]
    arrivals = sorted(inbox.arrivals, key=lambda arrival: arrival.number)
    show_table("Events at the webhook", columns, arrivals, timeline=timeline, note=EVENTS_LEGEND)


def show_executions(executions: Sequence[EndedExecution], timeline: Timeline) -> None:
    columns: dict[str, Callable[[EndedExecution], str]] = {
        "job": lambda each: each.job,
        "origin": lambda each: each.origin,
        "planned": lambda each: timeline.since_start(each.planned),
        "started": lambda each: timeline.since_start(each.started),
        "late": lambda each: milliseconds(each.lateness),
        "attempts": lambda each: str(each.attempts),
        "requests": lambda each: str(each.requests),
        "outcome": lambda each: each.outcome,
    }
    if timeline.is_narrow:
        del columns["planned"], columns["started"]
    show_table("Executions", columns, executions, timeline=timeline, note=EXECUTIONS_LEGEND)


def show_table(
    title: str,
    columns: Mapping[str, Callable[[Row], str]],
    rows: Iterable[Row],
    *,
    timeline: Timeline,
    note: str,
) -> None:
    cells = [tuple(cell(row) for cell in columns.values()) for row in rows]
    timeline.table(title, tuple(columns), cells, numbers=NUMBERS, note=note)


def ended_executions(inbox: Inbox, actions: ActionLog) -> list[EndedExecution]:
    """Return every execution that its target or an event tells of, by its planned instant.

    Raises:
        UnmetExpectationError: one has not ended once, or started early.
    """
    ids = {request.execution_id for request in actions.requests} | {
        arrival.execution_id for arrival in inbox.arrivals if arrival.execution_id is not None
    }
    executions = [ended_execution(each, inbox, actions) for each in ids]
    return sorted(executions, key=lambda each: each.planned)


def ended_execution(execution_id: str, inbox: Inbox, actions: ActionLog) -> EndedExecution:
    about = inbox.find(lambda arrival: arrival.execution_id == execution_id)
    ends = [arrival for arrival in about if arrival.type in ENDS]
    expect(len(ends) == 1, f"one end of execution {execution_id}", [end.type for end in ends])
    starts = [
        parse_instant(arrival.event["data"]["startTime"])
        for arrival in about
        if arrival.type.startswith("tocsin.attempt.")
    ]
    expect(bool(starts), f"an attempt of execution {execution_id}", "none")
    [end], told = ends, ends[0].event["data"]
    ended = EndedExecution(
        job=last_name(end.subject),
        origin="schedule" if told["origin"] == "schedule" else "request",
        planned=parse_instant(told["expectedExecutionTime"]),
        started=min(starts),
        attempts=told["attempts"],
        requests=sum(request.execution_id == execution_id for request in actions.requests),
        outcome=end.type.rpartition(".")[2],
    )
    expect(ended.lateness >= timedelta(0), f"{ended.job} not to start early", ended.lateness)
    return ended
