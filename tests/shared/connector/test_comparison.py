"""When a resource is what a command was to make of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connector.comparison import is_all, is_within, shows
from shared.wire.catalogue import CATALOGUE
from shared.wire.json_types import Json, JsonObject
from tests.shared.connector.servers import answer

PUT, PATCH = CATALOGUE["CreateOrUpdateJob"], CATALOGUE["PatchJob"]
ACTION: JsonObject = {
    "type": "http",
    "request": {
        "method": "POST",
        "uri": "https://example.org/",
        "authentication": {"type": "Basic", "username": "u", "password": "geheim"},
    },
}
SHOWN: JsonObject = {
    "type": "http",
    "request": {
        "method": "POST",
        "uri": "https://example.org/",
        "authentication": {"type": "Basic", "username": "u"},
    },
}
RECURRENCE: JsonObject = {"frequency": "day", "interval": 1}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("sent", "found", "is_shown"),
    [
        ({"action": ACTION}, {"id": "j", "action": SHOWN, "state": "enabled"}, True),
        ({"action": ACTION}, {"action": {**SHOWN, "retryPolicy": {"retryType": "fixed"}}}, True),
        ({"action": ACTION}, {"action": SHOWN, "startTime": "2026-01-01T00:00:00Z"}, True),
        ({"action": ACTION}, {"action": SHOWN, "recurrence": RECURRENCE}, False),
        ({"action": ACTION}, {"action": {**SHOWN, "errorAction": SHOWN}}, False),
        ({"action": ACTION}, {"action": SHOWN, "state": "disabled"}, False),
        ({"action": ACTION}, {"action": SHOWN, "state": "completed"}, True),
        ({"action": ACTION, "state": "enabled"}, {"action": SHOWN, "state": "faulted"}, True),
        ({"action": ACTION, "state": "disabled"}, {"action": SHOWN, "state": "disabled"}, True),
        ({"action": ACTION, "recurrence": RECURRENCE}, {"action": SHOWN}, False),
    ],
    ids=range(10),
)
def test_put_is_shown_by_the_job_it_makes_and_no_other(
    sent: JsonObject, found: JsonObject, is_shown: bool
) -> None:
    assert shows(PUT, sent, answer(200, json.dumps(found).encode())) is is_shown


@pytest.mark.parametrize(
    ("found", "is_shown"),
    [
        ({"action": SHOWN, "state": "disabled"}, True),
        ({"action": SHOWN, "state": "disabled", "recurrence": RECURRENCE}, False),
        ({"action": SHOWN, "state": "enabled"}, False),
    ],
)
def test_patch_is_shown_by_what_it_names(found: JsonObject, is_shown: bool) -> None:
    sent: JsonObject = {"state": "disabled", "recurrence": None}

    assert shows(PATCH, sent, answer(200, json.dumps(found).encode())) is is_shown


@given(VALUES)
def test_everything_is_within_itself_and_all_of_it(value: Json) -> None:
    assert is_within(value, value)
    assert is_all(value, value)


@given(st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1), st.sampled_from("abc"))
def test_more_than_was_sent_is_not_all_of_it(value: JsonObject, name: str) -> None:
    less = {other: one for other, one in value.items() if other != name}

    assert is_all(less, value) is (less == value)
