"""`tocsin jobs` on a running stack."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.shared.cli.running_stack import RunningStack

JOB: dict[str, Any] = {
    "action": {
        "type": "http",
        "request": {"method": "GET", "uri": "http://127.0.0.1:1/"},
        "retryPolicy": {"retryType": "none"},
    },
    "recurrence": {"frequency": "day", "schedule": {"hours": [2]}},
}
PLACE = "jobs/jc1"


@pytest.fixture(scope="module")
def nightly(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The definition of a job that is there."""
    file = tmp_path_factory.mktemp("jobs") / "nightly.json"
    file.write_text(json.dumps(JOB))
    stack.run("jobs", "put", str(file), PLACE, "--create")
    return file


def test_put_makes_no_collection_unless_it_is_told_to(stack: RunningStack, nightly: Path) -> None:
    place = ("--cloud-service", "no", "--collection", "x")

    failure = stack.failure("jobs", "put", str(nightly), *place)

    assert failure.startswith("CreateOrUpdateJob /cloudservices/no/jobcollections/x/jobs/nightly")


def test_put_shows_the_job(stack: RunningStack, nightly: Path) -> None:
    shown = stack.run("jobs", "put", str(nightly), PLACE).stdout

    assert "every day, hours 2" in shown
    assert "GET http://127.0.0.1:1/" in shown


def test_what_get_prints_for_machines_can_be_put_again(stack: RunningStack, nightly: Path) -> None:
    document = json.dumps(stack.document("jobs", "get", f"{PLACE}/nightly")).encode()

    result = stack.run("jobs", "put", "-", PLACE, "--json", stdin=document)

    assert json.loads(result.stdout)["id"] == "nightly"


def test_jobs_are_listed_with_when_they_run_next(stack: RunningStack, nightly: Path) -> None:
    lines = stack.run("jobs", "list", "/cloudservices/jobs/jobcollections/jc1").stdout.splitlines()
    disabled = stack.document("jobs", "list", PLACE, "--state", "disabled")

    (row,) = [line.split() for line in lines if line.startswith("nightly")]
    assert row[1:3] == ["enabled", "in"]
    assert disabled == []


def test_a_faulty_definition_is_told_with_every_fault(stack: RunningStack, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"action": {"type": "x"}, "y": 1}')

    failure = stack.failure("jobs", "put", str(file), PLACE)

    assert "$.action.type" in failure
    assert "$.y" in failure


def test_run_leads_to_a_history(stack: RunningStack, nightly: Path) -> None:
    put = stack.run("jobs", "run", f"{PLACE}/nightly").stdout
    records = stack.until(lambda: stack.document("jobs", "history", f"{PLACE}/nightly"))
    lines = stack.run("jobs", "history", f"{PLACE}/nightly", "--status", "failed").stdout

    assert put.startswith(f"{PLACE}/nightly runs")
    assert {each["status"] for each in records} == {"failed"}
    assert "●" in lines
    assert stack.document("jobs", "history", f"{PLACE}/nightly", "--status", "completed") == []


def test_what_is_not_waited_for_can_be_waited_for_later(stack: RunningStack, nightly: Path) -> None:
    stack.run("jobs", "put", str(nightly), f"{PLACE}/brief")

    operation = stack.document("jobs", "delete", f"{PLACE}/brief", "--no-wait")
    said = stack.run("jobs", "run", f"{PLACE}/nightly", "--no-wait").stdout

    assert operation["command"] == "DeleteJob"
    stack.run("operations", "wait", operation["id"], said.split()[-1])
    assert "'brief'" in stack.failure("jobs", "get", f"{PLACE}/brief")


def test_delete_says_what_is_gone(stack: RunningStack, nightly: Path) -> None:
    stack.run("jobs", "put", str(nightly), f"{PLACE}/gone")

    assert stack.run("jobs", "delete", f"{PLACE}/gone").stdout == f"deleted {PLACE}/gone\n"
    assert "'gone'" in stack.failure("jobs", "history", f"{PLACE}/gone")
