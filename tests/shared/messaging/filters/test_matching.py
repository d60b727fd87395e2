"""Which messages a rule's filter lets through, but for SQL."""

from typing import Any
from uuid import UUID

import pytest

from shared.messaging.filters import compile_filter
from shared.messaging.message import Message, PropertyValue
from shared.messaging.rules import CorrelationFilter, FalseFilter, TrueFilter

MEMBERS = {
    "correlation_id": "c",
    "message_id": "m",
    "to": "t",
    "reply_to": "r",
    "subject": "s",
    "session_id": "n",
    "reply_to_session_id": "q",
    "content_type": "text/plain",
}
ID = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")


def message(properties: dict[str, PropertyValue] | None = None, **members: Any) -> Message:
    return Message(body=b"", application_properties=properties or {}, **members)


def test_true_matches_everything_and_false_nothing() -> None:
    assert compile_filter(TrueFilter())(message())
    assert not compile_filter(FalseFilter())(message())


@pytest.mark.parametrize("name", MEMBERS)
def test_a_correlation_filter_compares_the_member_it_names(name: str) -> None:
    matches = compile_filter(CorrelationFilter(**{name: MEMBERS[name]}))

    assert matches(message(**MEMBERS))
    assert not matches(message(**MEMBERS | {name: MEMBERS[name].upper()}))
    assert not matches(message())


def test_a_correlation_filter_wants_all_that_it_names() -> None:
    matches = compile_filter(CorrelationFilter(subject="s", to="t", properties={"a": 1, "b": "x"}))

    assert matches(message({"a": 1, "b": "x", "c": True}, subject="s", to="t", message_id="m"))
    assert not matches(message({"a": 1, "b": "x"}, subject="s"))
    assert not matches(message({"a": 1}, subject="s", to="t"))


def test_a_correlation_filter_that_names_nothing_matches_everything() -> None:
    assert compile_filter(CorrelationFilter())(message(subject="s"))


@pytest.mark.parametrize(
    ("wanted", "found", "is_match"),
    [
        ("x", "x", True),
        ("x", "X", False),
        (1, 1, True),
        (1, 1.0, True),
        (1, "1", False),
        (1, True, False),
        (False, 0, False),
        (True, True, True),
        (ID, ID, True),
        (ID, str(ID), False),
        (b"x", b"x", True),
        (None, None, True),
    ],
    ids=repr,
)
def test_properties_are_compared_with_their_types(
    wanted: PropertyValue, found: PropertyValue, is_match: bool
) -> None:
    matches = compile_filter(CorrelationFilter(properties={"p": wanted}))

    assert matches(message({"p": found})) is is_match


def test_a_property_that_is_missing_is_not_null() -> None:
    assert not compile_filter(CorrelationFilter(properties={"p": None}))(message({"P": None}))
