"""`tocsin operations` on a running stack, and its tables on narrow terminals."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from shared.cli.operations import operation_facts, operations_table
from tests.clocks import START
from tests.shared.cli.running_stack import RunningStack

ID = "00000000-0000-4000-8000-000000000001"
OPERATION: dict[str, Any] = {
    "id": ID,
    "command": "CreateOrUpdateJob",
    "resource": "/cloudservices/cs1/jobcollections/jc1/jobs/nightly",
    "status": "Failed",
    "caller": "key",
    "correlationId": "\x1b[2J",
    "requestedTime": "2026-01-01T11:59:00Z",
    "startedTime": "2026-01-01T11:59:01Z",
    "finishedTime": "2026-01-01T11:59:13.5Z",
    "httpStatus": 404,
    "error": {"code": "NotFound", "message": "[red]no\x07 such"},
}


@pytest.fixture(scope="module")
def ids(stack: RunningStack) -> tuple[str, str]:
    """One that succeeded and one that failed."""
    send(stack, "CreateOrUpdateCloudService", "/cloudservices/ops", label="l", geoRegion="West US")
    send(stack, "DeleteJobCollection", "/cloudservices/ops/jobcollections/none")
    while (
        len(found := stack.document("operations", "list", "--resource", "/cloudservices/ops")) < 2
    ):
        pass
    failed, succeeded = [str(each["id"]) for each in found]
    stack.run("operations", "wait", succeeded)
    stack.attempt("operations", "wait", failed)
    return succeeded, failed


def both(found: list[Any]) -> list[Any]:
    return found if len(found) == 2 else []


def send(stack: RunningStack, command: str, resource: str, **body: str) -> None:
    document = {"command": command, "resource": resource, "body": body or None}
    stack.run(
        *("queues", "send", "commands-ordered", "--session-id", "ops"),
        *("--body", json.dumps(document)),
    )


def test_p3_messages_of_a_session_are_listed_in_their_order(
    stack: RunningStack, ids: tuple[str, str]
) -> None:
    found = stack.document("operations", "list", "--resource", "/cloudservices/ops")

    assert [each["command"] for each in found] == [
        "DeleteJobCollection",
        "CreateOrUpdateCloudService",
    ]
    assert {each["caller"] for each in found} == {"queue:commands-ordered"}


def test_operations_are_filtered_by_status_and_age(
    stack: RunningStack, ids: tuple[str, str]
) -> None:
    of_mine = ("operations", "list", "--resource", "/cloudservices/ops")

    failed = stack.document(*of_mine, "--status", "Failed", "--since", "1h")
    old = stack.document(*of_mine, "--since", "2999-01-01")
    newest = stack.document(*of_mine, "--limit", "1")

    assert [each["id"] for each in failed] == [ids[1]]
    assert old == []
    assert [each["id"] for each in newest] == [ids[1]]


def test_a_list_goes_on_where_a_page_of_the_stack_ends(stack: RunningStack) -> None:
    commands = [{"command": "ListCloudServices", "resource": "/cloudservices"}] * 100
    for _ in range(2):
        stack.run("queues", "send", "commands", "--body", json.dumps(commands))
    wanted = ("operations", "list", "--limit", "150")
    stack.until(lambda: len({each["id"] for each in stack.document(*wanted)}) == 150)


def test_one_operation_is_shown_with_its_error(stack: RunningStack, ids: tuple[str, str]) -> None:
    shown = stack.run("operations", "show", ids[1]).stdout

    assert "DeleteJobCollection" in shown
    assert "ResourceNotFound" in shown


def test_waiting_ends_with_1_when_one_did_not_succeed(
    stack: RunningStack, ids: tuple[str, str]
) -> None:
    succeeded = stack.run("operations", "wait", ids[0])
    both = stack.attempt("operations", "wait", *ids)

    assert ids[0] in succeeded.stdout
    assert both.exit_code == 1
    assert "DeleteJobCollection /cloudservices/ops/jobcollections/none: Failed" in both.stderr


def test_what_has_ended_cannot_be_canceled(stack: RunningStack, ids: tuple[str, str]) -> None:
    assert "is Succeeded" in stack.failure("operations", "cancel", ids[0])


@pytest.mark.parametrize("command", ["show", "wait", "cancel"])
def test_an_operation_that_is_not_there_is_told(stack: RunningStack, command: str) -> None:
    assert "there is no operation 'nope'" in stack.failure("operations", command, "nope")


def drawn(renderable: Any, width: int) -> list[str]:
    output = io.StringIO()
    Console(file=output, width=width).print(renderable)
    return output.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 130, 200])
def test_a_table_fits_its_terminal_and_breaks_no_id(width: int) -> None:
    lines = drawn(operations_table([OPERATION] * 2, START), width)

    assert max(map(len, lines)) <= width
    assert sum(ID in line for line in lines) == 2
    assert any(line.split()[:3] == ["Failed", "60s", "12s"] for line in lines)


def test_nobody_elses_text_counts_as_markup_or_controls_the_terminal() -> None:
    lines = drawn(operation_facts(OPERATION, START), 80)

    assert all(line.isprintable() for line in lines)
    assert any(r"NotFound: [red]no\x07 such" in line for line in lines)


def test_an_operation_that_runs_has_taken_as_long_as_it_has_run_by_now() -> None:
    running = {
        name: value
        for name, value in OPERATION.items()
        if name not in ("finishedTime", "httpStatus", "error")
    } | {"status": "Running"}

    lines = drawn(operation_facts(running, START + timedelta(minutes=5)), 80)

    assert "took            5m" in [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [80, 200])
def test_a_failed_operation_tells_its_error_in_the_list(width: int) -> None:
    failed = {
        "id": "o1",
        "command": "DeleteJob",
        "resource": "/cloudservices/a",
        "status": "Failed",
        "requestedTime": "2026-01-01T12:00:00Z",
        "error": {"code": "JobNotFound", "message": "there is no such job"},
    }
    assert any("JobNotFound" in each for each in drawn(operations_table([failed], START), width))
