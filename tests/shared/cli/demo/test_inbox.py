"""Events at the webhook, read from the receiver's file."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.cli.demo.inbox import Inbox
from tests.shared.cli.demo.arrived import add_line, event_line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_new_arrivals_are_returned_once_and_all_are_kept(path: Path) -> None:
    inbox = Inbox(path)
    add_line(path, event_line("1"))
    first = inbox.read_new()
    add_line(path, event_line("2"))

    second = inbox.read_new()

    assert [arrival.event["id"] for arrival in first] == ["1"]
    assert [arrival.event["id"] for arrival in second] == ["2"]
    assert inbox.arrivals == first + second


def test_lateness_counts_from_when_it_happened(path: Path) -> None:
    add_line(path, event_line("1"))

    [arrival] = Inbox(path).read_new()

    assert arrival.lateness == timedelta(milliseconds=20)


def test_an_arrival_tells_what_its_event_is_about(path: Path) -> None:
    add_line(path, event_line("1", number=7, operationid="o", executionid="e"))
    add_line(path, event_line("2"))

    about, about_neither = Inbox(path).read_new()

    assert (about.number, about.operation_id, about.execution_id) == (7, "o", "e")
    assert (about_neither.operation_id, about_neither.execution_id) == (None, None)


def test_find_selects_among_all_that_arrived(path: Path) -> None:
    add_line(path, event_line("1"))
    add_line(path, event_line("2", "tocsin.x"))
    inbox = Inbox(path)
    inbox.read_new()

    found = inbox.find(lambda arrival: arrival.type == "tocsin.x")

    assert [arrival.event["id"] for arrival in found] == ["2"]
