import json
import math
import string
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.events.cloudevent import FORBIDDEN_CHARACTER, KNOWN, CloudEvent, is_text

MINIMAL: Mapping[str, Any] = {"specversion": "1.0", "id": "e1", "source": "/s", "type": "t"}


def encoded(**members: Any) -> bytes:
    return json.dumps({**MINIMAL, **members}).encode()


def fault_paths(body: bytes) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        CloudEvent.decode(body)
    return [fault.path for fault in caught.value.faults]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"subject": None, "time": None, "dataschema": None, "data": None, "comexample": None},
        {"time": "2018-04-05T17:31:00Z"},
        {"time": "2018-04-05t17:31:00.123456789z"},
        {"time": "2018-04-05T17:31:00+05:30"},
        {"source": "https://github.com/cloudevents/spec/pull/123"},
        {"source": "urn:event:from:myapi/resource/123"},
        {"source": "mailto:cncf-wg-serverless@lists.cncf.io"},
        {"source": "1-555-123-4567"},
        {"source": "/%7Euser"},
        {"dataschema": "urn:tocsin:schema:a:1"},
        {"datacontenttype": "text/xml", "data": "<much wow='xml'/>"},
        {"datacontenttype": 'application/json; charset="utf-8"', "data": {"a": [1, None]}},
        {"data_base64": "AAEC"},
        {"datacontenttype": "image/png", "data_base64": "AAEC"},
        {"datacontenttype": "application/vnd.x+json", "data": {"a": 1}},
        {"comexampleextension": "value", "yes": True, "small": -(2**31), "large": 2**31 - 1},
        {"data": "text"},
        {"data": 1.5},
        {"data": []},
    ],
    ids=json.dumps,
)
def test_what_the_specification_allows_is_read(members: dict[str, Any]) -> None:
    assert CloudEvent.decode(encoded(**members)).id == "e1"


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"specversion": None}, "$.specversion"),
        ({"specversion": "0.3"}, "$.specversion"),
        ({"specversion": 1.0}, "$.specversion"),
        ({"id": None}, "$.id"),
        ({"id": ""}, "$.id"),
        ({"id": 4}, "$.id"),
        ({"id": "a\nb"}, "$.id"),
        ({"id": "\ud800"}, "$.id"),
        ({"source": None}, "$.source"),
        ({"source": ""}, "$.source"),
        ({"source": "two words"}, "$.source"),
        ({"source": "/%zz"}, "$.source"),
        ({"type": None}, "$.type"),
        ({"type": ""}, "$.type"),
        ({"type": ["t"]}, "$.type"),
        ({"subject": ""}, "$.subject"),
        ({"subject": {}}, "$.subject"),
        ({"time": ""}, "$.time"),
        ({"time": "2018-04-05T17:31Z"}, "$.time"),
        ({"time": "2018-04-05T17:31:00"}, "$.time"),
        ({"time": "2018-04-05T17:31:00+05"}, "$.time"),
        ({"time": "2018-04-05T17:31:00+0530"}, "$.time"),
        ({"time": "2018-04-05 17:31:00Z"}, "$.time"),
        ({"time": "2018-02-30T17:31:00Z"}, "$.time"),
        ({"time": "2018-04-05T24:00:00Z"}, "$.time"),
        ({"time": "2018-04-05T17:31:60Z"}, "$.time"),
        ({"time": "0001-01-01T00:00:00+01:00"}, "$.time"),
        ({"time": "٢٠١٨-04-05T17:31:00Z"}, "$.time"),
        ({"time": 1522949460}, "$.time"),
        ({"dataschema": "relative/schema"}, "$.dataschema"),
        ({"dataschema": ""}, "$.dataschema"),
        ({"datacontenttype": "xyz"}, "$.datacontenttype"),
        ({"datacontenttype": "text/"}, "$.datacontenttype"),
        ({"data_base64": "=="}, "$.data_base64"),
        ({"data_base64": "a b"}, "$.data_base64"),
        ({"data_base64": 5}, "$.data_base64"),
        ({"datacontenttype": "text/plain", "data": {"a": 1}}, "$.data"),
        ({"data": 1, "data_base64": "AAEC"}, "$.data_base64"),
        ({"comExample": "x"}, "$.comExample"),
        ({"com_example": "x"}, "$.com_example"),
        ({"": "x"}, "$."),
        ({"extension": {"not": "scalar"}}, "$.extension"),
        ({"extension": 1.5}, "$.extension"),
        ({"extension": 2**31}, "$.extension"),
        ({"extension": "a\u0007b"}, "$.extension"),
    ],
    ids=str,
)
def test_what_the_specification_forbids_is_refused_by_its_path(
    members: dict[str, Any], path: str
) -> None:
    assert fault_paths(encoded(**members)) == [path]


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
def test_what_is_required_is_never_made_up(missing: str) -> None:
    members = {name: value for name, value in MINIMAL.items() if name != missing}

    assert fault_paths(json.dumps(members).encode()) == [f"$.{missing}"]


def test_every_fault_is_told_at_once() -> None:
    body = b'{"id": "", "source": "two words", "time": "now", "Bad": 1, "data_base64": 1}'

    assert fault_paths(body) == [
        "$.specversion",
        "$.type",
        "$.id",
        "$.source",
        "$.Bad",
        "$.time",
        "$.data_base64",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe{}",
        b'{"specversion": "1.0", "id": "1", "id": "2", "source": "/s", "type": "t"}',
        b'{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": NaN}',
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_p10_what_is_no_object_of_json_is_refused(body: bytes) -> None:
    assert fault_paths(body) == ["$"]


@pytest.mark.parametrize(
    "event",
    [
        CloudEvent(id="", source="/s", type="t"),
        CloudEvent(id="e", source="/s", type="t", time=datetime(2026, 1, 1)),  # noqa: DTZ001
        CloudEvent(id="e", source="/s", type="t", data={"rate": math.inf}),
        CloudEvent(id="e", source="/s", type="t", data=object()),
        CloudEvent(id="e", source="/s", type="t", data={"a": 1}, datacontenttype="text/plain"),
        CloudEvent(id="e", source="/s", type="t", extensions={"subject": "x"}),
        CloudEvent(id="e", source="/s", type="t", extensions={"Upper": "x"}),
        CloudEvent(id="e", source="two words", type="t"),
    ],
    ids=("no id", "naive", "infinite", "no JSON", "text", "attribute", "upper case", "blank"),
)
def test_an_event_that_is_none_cannot_be_written(event: CloudEvent) -> None:
    with pytest.raises(InvalidRequestError):
        event.encode()


def test_the_words_nan_and_infinity_may_stand_in_text() -> None:
    event = CloudEvent(id="e", source="/s", type="t", data={"text": "NaN, Infinity"})

    assert CloudEvent.decode(event.encode()) == event


def test_times_are_written_in_utc() -> None:
    local = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    written = json.loads(CloudEvent(id="e", source="/s", type="t", time=local).encode())

    assert written["time"] == "2025-12-31T23:30:00Z"


texts = st.text(min_size=1, max_size=20).filter(lambda text: not FORBIDDEN_CHARACTER.search(text))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
extension_names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20).filter(
    lambda name: name not in KNOWN
)
events = st.builds(
    CloudEvent,
    id=texts,
    source=st.sampled_from(["/subscriptions/1", "urn:a:b", "https://example.org/a?b=%20"]),
    type=texts,
    subject=st.none() | texts,
    time=st.none()
    | st.datetimes(
        min_value=datetime(1000, 1, 2),  # noqa: DTZ001
        max_value=datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    data=json_values | st.binary(max_size=20),
    dataschema=st.none() | st.just("urn:tocsin:schema:x:1"),
    extensions=st.dictionaries(
        extension_names,
        st.booleans() | st.integers(-(2**31), 2**31 - 1) | texts,
        max_size=3,
    ),
)


@given(st.text(st.characters(exclude_categories=())))
def test_text_is_what_holds_no_forbidden_character(text: str) -> None:
    assert is_text(text) == (FORBIDDEN_CHARACTER.search(text) is None)


def test_p10_a_long_source_that_is_none_is_refused_in_one_pass() -> None:
    assert fault_paths(encoded(source=f"/{'a%20' * 50_000} ")) == ["$.source"]


def test_a_time_without_a_zone_is_named() -> None:
    event = CloudEvent(id="e", source="/s", type="t", time=datetime(2026, 1, 1))  # noqa: DTZ001

    with pytest.raises(InvalidRequestError) as caught:
        event.encode()

    assert [fault.path for fault in caught.value.faults] == ["$.time"]


@given(events)
def test_reading_gives_back_what_was_written(event: CloudEvent) -> None:
    assert CloudEvent.decode(event.encode()) == event


@given(events)
def test_the_package_of_the_field_reads_what_we_write(event: CloudEvent) -> None:
    read = JSONFormat().read(None, event.encode())

    assert (read.get_id(), read.get_source(), read.get_type(), read.get_subject()) == (
        event.id,
        event.source,
        event.type,
        event.subject,
    )
    assert read.get_data() == event.data


@given(events)
def test_what_the_package_of_the_field_writes_is_read(event: CloudEvent) -> None:
    written = JSONFormat().write(JSONFormat().read(None, event.encode()))

    read = CloudEvent.decode(written)
    assert (read.id, read.data, read.extensions) == (event.id, event.data, event.extensions)


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_p10_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(InvalidRequestError):
        CloudEvent.decode(body)
