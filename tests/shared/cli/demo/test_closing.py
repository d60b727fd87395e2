"""The tables at the end: what they hold, and what they refuse to hold."""

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from shared.cli.demo.action_log import ActionLog
from shared.cli.demo.closing import EndedExecution, ended_executions, show_events, show_executions
from shared.cli.demo.expectation import UnmetExpectationError
from shared.cli.demo.inbox import Inbox
from shared.cli.demo.timeline import Timeline
from shared.wire.times import format_instant
from tests.clocks import START, FakeClock
from tests.shared.cli.demo.arrived import action_line, add_line, event_line

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
WIDTHS = (80, 100, 160)


def attempt_line(event_id: str, *, started: datetime, execution: str = "e1") -> dict[str, Any]:
    return event_line(
        event_id,
        "tocsin.attempt.succeeded",
        executionid=execution,
        data={"startTime": format_instant(started)},
    )


def end_line(
    event_id: str, *, planned: datetime = START, execution: str = "e1", origin: str = "schedule"
) -> dict[str, Any]:
    told = {"origin": origin, "expectedExecutionTime": format_instant(planned), "attempts": 2}
    return event_line(
        event_id, "tocsin.execution.failed", number=12, executionid=execution, data=told
    )


def executions_of(
    folder: Path, *, events: list[dict[str, Any]], actions: list[dict[str, Any]]
) -> list[EndedExecution]:
    for line in events:
        add_line(folder / "events.jsonl", line)
    for line in actions:
        add_line(folder / "actions.jsonl", line)
    inbox, log = Inbox(folder / "events.jsonl"), ActionLog(folder / "actions.jsonl")
    inbox.read_new()
    log.read_new()
    return ended_executions(inbox, log)


def test_an_execution_is_put_together_from_its_events_and_its_requests(tmp_path: Path) -> None:
    events = [
        attempt_line("2", started=START + SECOND),
        attempt_line("1", started=START + MILLISECOND),
        end_line("3", origin="schedule"),
    ]
    actions = [action_line("r1"), action_line("r2"), action_line("r3")]

    [execution] = executions_of(tmp_path, events=events, actions=actions)

    assert execution == EndedExecution(
        job="nightly",
        origin="schedule",
        planned=START,
        started=START + MILLISECOND,
        attempts=2,
        requests=3,
        outcome="failed",
    )
    assert execution.lateness == MILLISECOND


def test_executions_are_in_the_order_in_which_they_were_planned(tmp_path: Path) -> None:
    events = []
    for execution, planned in (("e2", START + SECOND), ("e1", START), ("e3", START + 2 * SECOND)):
        events.append(attempt_line(f"{execution}/1", started=planned, execution=execution))
        events.append(
            end_line(f"{execution}/end", planned=planned, execution=execution, origin="r7")
        )

    found = executions_of(tmp_path, events=events, actions=[])

    assert [each.planned for each in found] == [START, START + SECOND, START + 2 * SECOND]
    assert {each.origin for each in found} == {"request"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([attempt_line("1", started=START)], "one end of execution e1"),
        ([attempt_line("1", started=START), end_line("2"), end_line("3")], "one end of execution"),
        ([end_line("1")], "an attempt of execution e1"),
        ([attempt_line("1", started=START - MILLISECOND), end_line("2")], "nightly not to start"),
        ([], "one end of execution e1"),
    ],
    ids=["no end", "two ends", "no attempt", "early", "a request alone"],
)
def test_an_execution_that_is_not_whole_fails_the_demo(
    events: list[dict[str, Any]], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(UnmetExpectationError, match=expected):
        executions_of(tmp_path, events=events, actions=[action_line()])


@pytest.mark.parametrize("width", WIDTHS)
def test_both_tables_fit_with_every_cell_whole(width: int, tmp_path: Path) -> None:
    output = io.StringIO()
    timeline = Timeline(Console(file=output, width=width, highlight=False), FakeClock())
    add_line(tmp_path / "events.jsonl", event_line("1", "tocsin.operation.succeeded", number=10))
    inbox = Inbox(tmp_path / "events.jsonl")
    inbox.read_new()
    execution = EndedExecution(
        job="nightly-report",
        origin="schedule",
        planned=START + 10 * SECOND,
        started=START + 12 * SECOND,
        attempts=1,
        requests=2,
        outcome="succeeded",
    )

    show_events(inbox, timeline)
    show_executions([execution], timeline)

    shown = output.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    for cell in ("10", "20.0 ms", "tocsin.operation.succeeded", "/jobs/nightly"):
        assert f"{cell} │" in shown
    for cell in ("nightly-report", "schedule", "2000.0 ms", "1", "2", "succeeded"):
        assert f"{cell} │" in shown
    assert ("+10.000 s │" in shown) is (width >= 100)


def test_events_are_in_the_order_of_the_log(tmp_path: Path) -> None:
    output = io.StringIO()
    timeline = Timeline(Console(file=output, width=100, highlight=False), FakeClock())
    for number, event_type in ((2, "tocsin.second"), (1, "tocsin.first")):
        add_line(tmp_path / "events.jsonl", event_line(event_type, event_type, number=number))
    inbox = Inbox(tmp_path / "events.jsonl")
    inbox.read_new()

    show_events(inbox, timeline)

    assert output.getvalue().index("tocsin.first") < output.getvalue().index("tocsin.second")
