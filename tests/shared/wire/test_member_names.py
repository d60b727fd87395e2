import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Fault, InvalidRequestError
from shared.wire.job import Job
from shared.wire.json_types import Json, JsonObject
from shared.wire.member_names import respelled
from shared.wire.model import read, read_json
from tests.shared.wire import strategies

FREE_FORM = frozenset({"headers", "customMessageProperties"})


def in_other_case(document: Json, upper: bool) -> Json:
    """Return `document` with the names of its members, but not of free-form maps, in one case."""
    if isinstance(document, dict):
        return {
            (name.upper() if upper else name.lower()): (
                value if name in FREE_FORM else in_other_case(value, upper)
            )
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [in_other_case(item, upper) for item in document]
    return document


@given(strategies.jobs, st.booleans())
def test_names_of_members_are_read_in_any_case(job: Job, upper: bool) -> None:
    document = job.document()
    other = in_other_case(document, upper)

    assert read(Job, other) == job
    assert read_json(Job, json.dumps(other).encode()) == job


@given(strategies.jobs)
def test_names_that_are_right_stay(job: Job) -> None:
    document, spelling = respelled(Job, job.document())

    assert document == job.document()
    assert not spelling.is_changed
    assert spelling.twice == []


def test_the_names_in_free_form_maps_are_the_callers() -> None:
    request: JsonObject = {
        "URI": "http://h/",
        "method": "GET",
        "Headers": {"Method": "a", "uri": "b", "URI": "c"},
    }
    bus: JsonObject = {"CustomMessageProperties": {"Type": "a", "type": "b"}}

    document, spelling = respelled(
        Job, {"action": {"request": request, "serviceBusTopicMessage": bus}}
    )

    assert document == {
        "action": {
            "request": {
                "uri": "http://h/",
                "method": "GET",
                "headers": {"Method": "a", "uri": "b", "URI": "c"},
            },
            "serviceBusTopicMessage": {"customMessageProperties": {"Type": "a", "type": "b"}},
        }
    }
    assert spelling.twice == []


def test_a_member_that_comes_twice_is_a_fault_beside_the_others() -> None:
    request: JsonObject = {"uri": "http://h/", "URI": "x", "method": "GET"}

    with pytest.raises(InvalidRequestError) as caught:
        read(Job, {"action": {"type": "http", "TYPE": "https", "request": request}}, path="$.body")

    assert caught.value.faults == (
        Fault("$.body.action.request.uri", "must be an absolute http or https URI"),
        Fault("$.body.action.type", "is given more than once, differing in case"),
        Fault("$.body.action.request.uri", "is given more than once, differing in case"),
    )


def test_a_member_that_comes_twice_is_a_fault_by_itself() -> None:
    request: JsonObject = {"uri": "http://h/", "Uri": "http://h/", "method": "GET"}

    with pytest.raises(InvalidRequestError) as caught:
        read(Job, {"action": {"type": "http", "request": request}})

    assert [fault.path for fault in caught.value.faults] == ["$.action.request.uri"]


@pytest.mark.parametrize("member", ["_action", "actiоn", "ıd"])  # a Cyrillic o, a dotless i
def test_names_that_are_others_stay_unknown(member: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(
            Job,
            {
                "action": {"type": "http", "request": {"uri": "http://h/", "method": "GET"}},
                member: 1,
            },
        )

    assert [fault.message for fault in caught.value.faults] == ["is not a known member"]
