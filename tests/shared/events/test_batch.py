import json
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.events.batch import join_events, read_batch
from shared.events.cloudevent import CloudEvent
from tests.shared.events.test_cloudevent import events, json_values

GOOD: dict[str, Any] = {"specversion": "1.0", "id": "e", "source": "/s", "type": "t"}


@given(st.lists(events, max_size=4))
def test_reading_gives_back_what_was_joined(told: list[CloudEvent]) -> None:
    batch = read_batch(join_events(event.encode() for event in told))

    assert [one.event for one in batch.events.values()] == told
    assert [CloudEvent.decode(one.structured) for one in batch.events.values()] == told
    assert (list(batch.events), batch.faults) == (list(range(len(told))), ())


@given(st.lists(events, max_size=4))
def test_the_package_of_the_field_reads_each_event_of_a_batch(told: list[CloudEvent]) -> None:
    elements = json.loads(join_events(event.encode() for event in told))

    read = [JSONFormat().read(None, json.dumps(element).encode()) for element in elements]
    assert [(one.get_id(), one.get_data()) for one in read] == [
        (event.id, event.data) for event in told
    ]


def test_the_good_events_are_read_and_every_fault_of_the_others_is_told() -> None:
    elements = [GOOD, {**GOOD, "id": "", "Bad": 1}, 5, None, {**GOOD, "id": "last"}]

    batch = read_batch(json.dumps(elements).encode())

    assert {place: one.event.id for place, one in batch.events.items()} == {0: "e", 4: "last"}
    assert [fault.path for fault in batch.faults] == ["$[1].id", "$[1].Bad", "$[2]", "$[3]"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"{}", b"null", b'"[]"', b"\xff", b"[NaN]", b"[" * 100_000],
    ids=lambda body: repr(body[:20]),
)
def test_p10_what_is_no_array_of_json_holds_no_event(body: bytes) -> None:
    batch = read_batch(body)

    assert batch.events == {}
    assert [fault.path for fault in batch.faults] == ["$"]


def test_of_equal_members_the_last_counts_and_is_written_once() -> None:
    body = json.dumps([GOOD]).replace('"id"', '"id": "first", "id"').encode()

    (one,) = read_batch(body).events.values()

    assert one.event.id == "e"
    assert json.loads(one.structured) == GOOD
    assert one.structured.count(b'"id"') == 1


def test_a_number_beyond_all_floats_is_a_fault_and_the_word_for_it_is_not() -> None:
    elements = [{**GOOD, "data": 4711}, {**GOOD, "data": "-Infinity"}]

    batch = read_batch(json.dumps(elements).replace("4711", "-1e999").encode())

    assert [fault.path for fault in batch.faults] == ["$[0].data"]
    assert batch.events[1].event.data == "-Infinity"


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_p10_any_bytes_are_read_or_found_faulty(body: bytes) -> None:
    batch = read_batch(body)

    assert batch.faults or json.loads(body) == [] or batch.events
