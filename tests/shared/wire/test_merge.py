import pytest
from hypothesis import given

from shared.wire.json_types import JsonObject
from shared.wire.merge import merge
from tests.shared.wire import strategies


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({}, {"a": None}, {}),
        ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": [{"b": 1}]}, {"a": [None]}, {"a": [None]}),
    ],
)
def test_objects_merge_deeply_arrays_are_replaced_and_null_removes(
    document: JsonObject, patch: JsonObject, expected: JsonObject
) -> None:
    assert merge(document, patch) == expected


def test_credentials_that_a_patch_does_not_name_stay() -> None:
    document: JsonObject = {
        "action": {"request": {"uri": "a", "authentication": {"password": "p"}}}
    }

    merged = merge(document, {"action": {"request": {"uri": "b"}}})

    assert merged == {"action": {"request": {"uri": "b", "authentication": {"password": "p"}}}}


@given(strategies.json_objects, strategies.json_objects)
def test_merging_twice_changes_nothing_more(document: JsonObject, patch: JsonObject) -> None:
    once = merge(document, patch)

    assert merge(once, patch) == once


@given(strategies.json_objects, strategies.json_objects)
def test_arguments_are_left_alone(document: JsonObject, patch: JsonObject) -> None:
    before = repr((document, patch))

    merge(document, patch)

    assert repr((document, patch)) == before
