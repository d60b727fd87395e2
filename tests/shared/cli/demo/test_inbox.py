"""Reading the receiver's file while it grows."""

import json
from datetime import timedelta
from pathlib import Path

from shared.cli.demo.inbox import Inbox
from tests.clocks import START


def line(event_id: str) -> bytes:
    event = {"id": event_id, "type": "tocsin.x", "time": START.isoformat(), "operationid": "o"}
    arrived_at = (START + timedelta(milliseconds=20)).isoformat()
    return json.dumps({"id": event_id, "arrivedAt": arrived_at, "event": event}).encode() + b"\n"


def test_each_arrival_is_returned_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    inbox = Inbox(path)
    path.write_bytes(line("1"))
    first = inbox.read_new()
    path.write_bytes(line("1") + line("2"))

    second = inbox.read_new()

    assert [arrival.event["id"] for arrival in first] == ["1"]
    assert [arrival.event["id"] for arrival in second] == ["2"]
    assert inbox.read_new() == []


def test_a_line_cut_at_any_position_waits_for_its_end(tmp_path: Path) -> None:
    content = line("1") + line("2")
    for cut in range(len(content)):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(content[:cut])
        inbox = Inbox(path)
        inbox.read_new()
        path.write_bytes(content)

        inbox.read_new()

        assert [arrival.event["id"] for arrival in inbox.arrivals] == ["1", "2"]


def test_no_file_means_nothing_arrived(tmp_path: Path) -> None:
    assert Inbox(tmp_path / "absent.jsonl").read_new() == []


def test_lateness_counts_from_when_it_happened(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line("1"))

    [arrival] = Inbox(path).read_new()

    assert arrival.lateness == timedelta(milliseconds=20)


def test_find_selects_among_all_that_arrived(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line("1") + line("2"))
    inbox = Inbox(path)
    inbox.read_new()

    found = inbox.find(lambda arrival: arrival.event["id"] == "2")

    assert [(arrival.type, arrival.operation_id) for arrival in found] == [("tocsin.x", "o")]
