import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp_event
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given
from hypothesis import strategies as st

from shared.events.binary_mode import binary_event, header_value
from shared.events.cloudevent import CloudEvent, is_text

TEXT = st.text(min_size=1, max_size=30).filter(is_text)
EXTENSIONS = st.dictionaries(
    st.from_regex(r"x[a-z0-9]{1,8}", fullmatch=True),
    st.one_of(TEXT, st.booleans(), st.integers(-(2**31), 2**31 - 1)),
    max_size=3,
)


def event_with(**members: Any) -> bytes:
    return CloudEvent(id="e1", source="/s", type="t", **members).encode()


@given(TEXT, EXTENSIONS, st.dictionaries(TEXT, st.integers(-1000, 1000), max_size=3))
def test_the_library_of_the_field_reads_every_attribute_from_headers(
    subject: str, extensions: dict[str, Any], data: dict[str, int]
) -> None:
    event = binary_event(event_with(subject=subject, extensions=extensions, data=data))

    read = from_http_event(HTTPMessage(event.http_headers, event.body))

    assert read.get_subject() == subject
    assert read.get_data() == data
    told = {name: str(value).lower() if value in (True, False) and isinstance(value, bool)
            else str(value) for name, value in extensions.items()}  # fmt: skip
    assert {name: read.get_extension(name) for name in told} == told
    assert all(
        value.isascii() and value.isprintable() and " " not in value
        for value in event.http_headers.values()
    )


@given(TEXT, EXTENSIONS)
def test_the_library_of_the_field_reads_every_attribute_from_properties(
    subject: str, extensions: dict[str, Any]
) -> None:
    event = binary_event(event_with(subject=subject, extensions=extensions, data={"a": 1}))
    properties = dict(event.amqp_properties)

    read = from_amqp_event(
        AMQPMessage({"content-type": event.content_type}, properties, event.body)
    )

    assert read.get_subject() == subject
    assert {name: read.get_extension(name) for name in extensions} == extensions
    assert read.get_data() == {"a": 1}


@given(st.text())
def test_a_header_says_any_text_in_visible_ascii(text: str) -> None:
    encodable = text.encode(errors="ignore").decode()

    assert unquote(header_value(encodable)) == encodable
    assert header_value(encodable).isascii()


@pytest.mark.parametrize(
    ("members", "content_type", "body"),
    [
        ({}, None, b""),
        ({"data": {"a": 1.5}}, "application/json", b'{"a":1.5}'),
        ({"data": "text"}, "application/json", b'"text"'),
        ({"data": "text", "datacontenttype": "text/plain"}, "text/plain", b"text"),
        ({"data": b"\x00\xff", "datacontenttype": "image/png"}, "image/png", b"\x00\xff"),
        ({"data": 7, "datacontenttype": "application/x+json"}, "application/x+json", b"7"),
    ],
)
def test_the_body_is_the_data_as_its_type_has_it(
    members: dict[str, Any], content_type: str | None, body: bytes
) -> None:
    event = binary_event(event_with(**members))

    assert (event.content_type, event.body) == (content_type, body)
    assert ("content-type" in event.http_headers) is (content_type is not None)


def test_what_is_special_in_headers_is_encoded_by_the_letter() -> None:
    assert header_value('Euro \u20ac \U0001f600 "100%"') == (
        "Euro%20%E2%82%AC%20%F0%9F%98%80%20%22100%25%22"
    )
    assert header_value(True) == "true"


def test_a_time_is_as_it_was() -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    event = binary_event(event_with(time=time, dataschema="https://example.org/s"))

    assert event.http_headers["ce-time"] == "2026-01-02T03:04:05Z"
    assert json.loads(event_with(time=time))["time"] == event.amqp_properties["cloudEvents:time"]
