"""Dead letters of an event subscription, on a running stack whose receiver is not there."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from shared.cli.delivery_letters import letters_table
from shared.cli.stack_client import stack_client
from tests.clocks import START
from tests.shared.cli.running_stack import RunningStack

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
    async with stack_client(folder, port) as client:
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
    letters: list[Any] = stack.document("deadletters", "list", "--event-subscription", identity)
    return letters


def test_what_was_given_up_is_listed_and_delivered_again(
    stack: RunningStack, event_subscription: str
) -> None:
    of_it = ("--event-subscription", event_subscription)
    events = [each["eventId"] for each in letters_of(stack, event_subscription)]
    shown = stack.run("deadletters", "list", *of_it).stdout

    one = stack.run("deadletters", "redrive", events[0], *of_it).stdout
    twice = stack.failure("deadletters", "redrive", "nope", *of_it)
    rest = stack.document("deadletters", "redrive", "--all", *of_it)

    assert all(event in shown for event in events)
    assert one == f"1 to be delivered again to {event_subscription}\n"
    assert twice == "1 event of those named had no dead letter there"
    assert rest["redriven"] >= 1


@pytest.mark.parametrize("command", [("list",), ("redrive", "--all")])
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
    assert any(line.split()[:2] == ["2m", "11"] for line in lines)
    assert any(LETTER["eventId"] in line for line in lines)
