"""Requests at the target of actions, read from the receiver's file."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.cli.demo.action_log import ActionLog, ActionRequest, Departure
from tests.clocks import START
from tests.shared.cli.demo.arrived import action_line, add_line

SECOND = timedelta(seconds=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def test_a_request_tells_which_attempt_it_is_and_how_late(path: Path) -> None:
    add_line(path, action_line(execution="e7", attempt=2, at=START + SECOND, status=500, delay=3.0))

    [request] = ActionLog(path).read_new()

    assert isinstance(request, ActionRequest)
    assert (request.job, request.execution_id, request.attempt) == ("nightly", "e7", 2)
    assert (request.expected_at, request.lateness) == (START, SECOND)
    assert (request.method, request.status, request.delay) == ("POST", 500, 3 * SECOND)


def test_a_caller_that_left_is_told_with_its_request(path: Path) -> None:
    log = ActionLog(path)
    add_line(path, action_line("r1"))
    add_line(path, action_line("r2"))
    stayed, left = log.read_new()
    assert isinstance(stayed, ActionRequest)
    assert isinstance(left, ActionRequest)
    assert log.departure(left) is None
    add_line(path, {"request": "r2", "leftAt": (START + SECOND).isoformat()})

    [departure] = log.read_new()

    assert departure == Departure(request=left, left_at=START + SECOND)
    assert log.departure(left) == departure
    assert log.departure(stayed) is None
    assert log.requests == [stayed, left]


def test_requests_are_found_by_the_name_of_their_target(path: Path) -> None:
    add_line(path, action_line("r1", name="import"))
    add_line(path, action_line("r2", name="import-failed"))
    add_line(path, action_line("r3", name="import"))
    log = ActionLog(path)
    log.read_new()

    assert [request.id for request in log.named("import")] == ["r1", "r3"]
