"""Dead letters of an event subscription, on a running stack whose receiver is not there."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from shared.cli.deadletters import QUEUES
from shared.cli.delivery_tables import letters_table, summary_table
from shared.cli.stack_client import stack_client
from shared.cli.stack_options import StackPlace
from tests.clocks import START
from tests.shared.cli.running_stack import RunningStack

SUMMARY: dict[str, Any] = {
    "eventSubscription": "00000000-0000-4000-8000-000000000001",
    "name": None,
    "status": "disabled",
    "count": 10_000,
    "isComplete": False,
    "oldestTime": "2026-01-01T11:58:00Z",
    "reasons": {"HTTP 500": 9_000, "HTTP 404 of https://receiver.example/hooks/of/tocsin": 1_000},
}
DEAD_END = {
    "sink": {"type": "webhook", "url": "http://127.0.0.1:1/"},
    "filter": {"subjectPrefix": "/cloudservices/letters"},
    "retrySchedule": ["PT1S"],
}
LETTER: dict[str, Any] = {
    "sequence": "00000000000000000007",
    "eventId": "00000000-0000-4000-8000-000000000001/end",
    "type": "tocsin.operation.failed",
    "subject": "/cloudservices/cs1/jobcollections/jc1/jobs/nightly",
    "failures": 11,
    "lastError": "500 \x1b[2J",
    "deadLetteredTime": "2026-01-01T11:58:00Z",
}


async def subscribe(folder: Path, port: int) -> str:
    async with stack_client(StackPlace(folder, port)) as client:
        created = await client.send("POST", "/api/eventsubscriptions", DEAD_END)
        return str(created.body["id"])


@pytest.fixture(scope="module")
def event_subscription(stack: RunningStack) -> str:
    """One that has given up on two events."""
    identity = asyncio.run(subscribe(stack.folder, stack.port))
    for _ in range(2):
        body = '{"command": "DeleteCloudService", "resource": "/cloudservices/letters"}'
        stack.run("queues", "send", "commands", "--body", body)
    stack.until(lambda: len(letters_of(stack, identity)) == 2)
    return identity


def letters_of(stack: RunningStack, identity: str) -> list[Any]:
    letters: list[Any] = stack.document("deadletters", "show", "--event-subscription", identity)
    return letters


def test_letters_are_counted_for_one_event_subscription_and_beside_the_queues(
    stack: RunningStack, event_subscription: str
) -> None:
    (summary,) = stack.document("deadletters", "list", "--event-subscription", event_subscription)
    everywhere = stack.document("deadletters", "list")
    shown = stack.run("deadletters", "list").stdout

    assert (summary["eventSubscription"], summary["status"]) == (event_subscription, "enabled")
    assert sum(summary["reasons"].values()) == summary["count"]
    assert [each["entity"] for each in everywhere if "entity" in each] == [*QUEUES]
    assert event_subscription in [each.get("eventSubscription") for each in everywhere]
    assert "Queue" in shown
    assert event_subscription in shown


def test_one_letter_is_shown_with_its_event(stack: RunningStack, event_subscription: str) -> None:
    of_it = ("--event-subscription", event_subscription)
    first, *_, last = letters_of(stack, event_subscription)

    shown = stack.run("deadletters", "show", last["eventId"], *of_it).stdout
    document = stack.document("deadletters", "show", last["eventId"], *of_it)
    page = stack.document("deadletters", "show", *of_it, "--from", str(int(last["sequence"])))
    short = stack.document("deadletters", "show", *of_it, "--limit", "1")

    assert "tries       2" in shown
    assert (document["event"]["id"], document["event"]["type"]) == (last["eventId"], last["type"])
    assert [each["eventId"] for each in page] == [last["eventId"]]
    assert [each["eventId"] for each in short] == [first["eventId"]]
    assert "no dead letter of an event 'x'" in stack.failure("deadletters", "show", "x", *of_it)


def test_what_was_given_up_is_listed_and_delivered_again(
    stack: RunningStack, event_subscription: str
) -> None:
    of_it = ("--event-subscription", event_subscription)
    events = [each["eventId"] for each in letters_of(stack, event_subscription)]
    shown = stack.run("deadletters", "show", *of_it).stdout

    one = stack.run("deadletters", "redrive", events[0], *of_it).stdout
    twice = stack.failure("deadletters", "redrive", "nope", *of_it)
    rest = stack.document("deadletters", "redrive", "--all", *of_it)

    assert all(event in shown for event in events)
    assert one == f"1 to be delivered again to {event_subscription}\n"
    assert twice == "1 event of those named had no dead letter there"
    assert rest["redriven"] >= 1


@pytest.mark.parametrize("command", [("list",), ("show",), ("redrive", "--all")])
def test_an_event_subscription_that_is_not_there_is_told(
    stack: RunningStack, command: tuple[str, ...]
) -> None:
    assert "'nope'" in stack.failure("deadletters", *command, "--event-subscription", "nope")


def test_a_table_fits_80_columns_and_controls_no_terminal() -> None:
    output = io.StringIO()

    Console(file=output, width=80).print(letters_table([LETTER], START))

    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)
    assert any(line.split()[:3] == ["7", "2m", "11"] for line in lines)
    assert any(LETTER["eventId"] in line for line in lines)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_summary_names_those_with_letters_and_counts_the_others(width: int) -> None:
    output = io.StringIO()
    none = {**SUMMARY, "eventSubscription": "other", "count": 0, "reasons": {}, "oldestTime": None}

    Console(file=output, width=width).print(summary_table([SUMMARY, none, none], START))

    shown = output.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    assert SUMMARY["eventSubscription"] in shown
    assert "2 event subscriptions without dead letters" in shown
    assert "other" not in shown.replace("(others)", "")
