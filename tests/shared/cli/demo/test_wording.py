"""How the timeline names things where there is little room."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.cli.demo.action_log import ActionLog, ActionRequest, Departure
from shared.cli.demo.inbox import Inbox
from shared.cli.demo.wording import describe, describe_action, end_of, instant_of, shortened
from tests.clocks import START
from tests.shared.cli.demo.arrived import action_line, add_line, event_line

HALF_SECOND = timedelta(milliseconds=500)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("", ""),
        ("/api/cloudservices/demo", "/api/cloudservices/demo"),
        ("/cloudservices/demo/jobcollections/reports", "…/jobcollections/reports"),
        ("http://127.0.0.1:7071/api/operations/1-2", "…/operations/1-2"),
    ],
)
def test_a_long_path_is_shown_by_its_last_kind_and_name(path: str, shown: str) -> None:
    assert end_of(path) == shown


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("must be one of A, B, C, D, E", "must be one of A, … (5)"),
        ("must be one of http, https", "must be one of http, https"),
        ("$.x: is missing; $.y: is missing", "$.x: is missing; $.y: is missing"),
    ],
)
def test_only_a_long_enumeration_is_shortened(text: str, short: str) -> None:
    assert shortened(text) == short


def test_an_event_is_told_by_its_operation_or_by_its_resource_or_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.jsonl"
    add_line(path, event_line("1", "tocsin.x", operationid="0123456789"))
    add_line(path, event_line("2", "tocsin.x"))
    add_line(path, event_line("3", "tocsin.x", subject=""))

    told = [describe(arrival) for arrival in Inbox(path).read_new()]

    assert told == [
        "tocsin.x, operation 01234567, verified, 20.0 ms late",
        "tocsin.x, nightly, verified, 20.0 ms late",
        "tocsin.x, verified, 20.0 ms late",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            action_line(at=START + HALF_SECOND),
            "POST /actions/nightly → 200, attempt 1, 500.0 ms late",
        ),
        (action_line(attempt=2, status=500), "POST /actions/nightly → 500, attempt 2"),
        (action_line(attempt=2, delay=2.5), "POST /actions/nightly → 200 due in 2.5 s, attempt 2"),
    ],
)
def test_only_a_first_attempt_is_late(line: dict[str, object], told: str, tmp_path: Path) -> None:
    path = tmp_path / "actions.jsonl"
    add_line(path, line)

    [request] = ActionLog(path).read_new()

    assert describe_action(request) == told


def test_a_caller_that_left_is_told_with_when_it_did(tmp_path: Path) -> None:
    path = tmp_path / "actions.jsonl"
    add_line(path, action_line())
    [request] = ActionLog(path).read_new()
    assert isinstance(request, ActionRequest)

    departure = Departure(request=request, left_at=START + HALF_SECOND)

    assert describe_action(departure) == "the caller of /actions/nightly is gone and got no answer"
    assert [instant_of(request), instant_of(departure)] == [START, START + HALF_SECOND]
