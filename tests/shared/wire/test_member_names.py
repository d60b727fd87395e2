import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Fault, InvalidRequestError
from shared.wire.bodies import check_body
from shared.wire.catalogue import CATALOGUE
from shared.wire.job import Job
from shared.wire.json_types import Json, JsonObject
from shared.wire.member_names import respelled, without_nulls
from shared.wire.model import read, read_json
from tests.shared.wire import strategies

FREE_FORM = frozenset({"headers", "customMessageProperties"})


def with_nulls(document: Json) -> Json:
    """Return `document` with members that are null in every object but free-form maps."""
    if isinstance(document, dict):
        nulls: JsonObject = dict.fromkeys(
            ("state", "interval", "errorAction", "status", "unheardOf")
        )
        return nulls | {
            name: value if name in FREE_FORM else with_nulls(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [with_nulls(item) for item in document]
    return document


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


@given(strategies.jobs, st.data())
def test_what_is_valid_as_it_stands_is_spelled_as_the_models_names_are(
    job: Job, data: st.DataObject
) -> None:
    written = {name: data.draw(st.sampled_from([name, name.upper()])) for name in job.document()}
    document = {written[name]: value for name, value in job.document().items()}

    taken = check_body(CATALOGUE["CreateOrUpdateJob"], document, params={"job": job.id or "j1"})

    assert taken == job.document()
    assert (taken is document) == all(name == spelled for name, spelled in written.items())


@given(strategies.jobs)
def test_null_is_the_same_as_absent(job: Job) -> None:
    document = with_nulls(job.document())

    assert read(Job, document) == job
    assert read_json(Job, json.dumps(document).encode()) == job


@given(strategies.jobs)
def test_without_nulls_nothing_is_left_out(job: Job) -> None:
    assert without_nulls(Job, job.document()) == job.document()


@pytest.mark.parametrize("member", ["headers", "customMessageProperties"])
def test_null_in_a_free_form_map_is_a_fault(member: str) -> None:
    action: JsonObject = {
        "type": "http",
        "request": {"uri": "http://h/", "method": "GET", "headers": {"a": None}},
    }
    if member == "customMessageProperties":
        bus: JsonObject = {"queueName": "q", "namespace": "n", "message": "m"}
        action = {
            "type": "serviceBusQueue",
            "serviceBusQueueMessage": {**bus, "customMessageProperties": {"a": None}},
        }

    with pytest.raises(InvalidRequestError) as caught:
        read(Job, {"action": action, "state": None})

    [fault] = caught.value.faults
    assert fault.path.endswith(f".{member}.a")
    assert fault.message == "must be a string"


def test_null_for_what_is_required_is_a_fault_beside_the_others() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Job, {"action": None, "state": "on", "recurrence": {"frequency": None}})

    assert caught.value.faults == (
        Fault("$.action", "is required"),
        Fault("$.recurrence.frequency", "is required"),
        Fault("$.state", "must be one of enabled, disabled, completed, faulted"),
    )


def test_of_members_that_come_twice_a_null_one_counts_too() -> None:
    request: JsonObject = {"uri": "http://h/", "URI": None, "method": "GET"}

    with pytest.raises(InvalidRequestError, match="uri: is given more than once"):
        read(Job, {"action": {"type": "http", "request": request}})


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
