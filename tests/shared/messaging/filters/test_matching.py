"""Which messages a rule's filter lets through; of SQL only that it does."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidFilterError
from shared.messaging.filters import compile_filter
from shared.messaging.message import NO_PROPERTIES, Message, PropertyValue
from shared.messaging.rules import CorrelationFilter, FalseFilter, SqlFilter, TrueFilter
from tests.shared.messaging.filters.trees import messages

MEMBERS: dict[str, Any] = {
    "correlation_id": "c",
    "message_id": "m",
    "to": "t",
    "reply_to": "r",
    "subject": "s",
    "session_id": "n",
    "reply_to_session_id": "q",
    "content_type": "text/plain",
}
WORDS = (
    *("AND", "or", "Not", "LIKE", "ESCAPE", "IN", "EXISTS", "IS", "NULL", "TRUE", "FALSE"),
    *("=", "<>", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "(", ")", ",", "."),
    *("a", "sys", "user", "sys.Label", "user.x", "[b c]", '"d"', "newid()", "p('a')", "property("),
    *("0", "1", "2.5", "1E3", "'text'", "'%_'", "'!'", "9223372036854775807", "'", "[", "@p", ""),
)
ID = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")


def message(properties: Mapping[str, PropertyValue] = NO_PROPERTIES, **members: Any) -> Message:
    return Message(body=b"", application_properties=properties, **members)


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


def test_an_sql_filter_matches_what_it_is_true_of_and_not_what_is_unknown() -> None:
    matches = compile_filter(SqlFilter("color = 'blue' AND sys.Label LIKE 'b%'"))

    assert matches(message({"color": "blue"}, subject="bus"))
    assert not matches(message({"color": "red"}, subject="bus"))
    assert not matches(message({"color": "blue"}))
    assert not compile_filter(SqlFilter("NOT color = 'blue'"))(message())


def test_an_sql_filter_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidFilterError):
        compile_filter(SqlFilter("color"))


@given(st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join), messages())
def test_any_text_is_refused_or_says_of_any_message_whether_it_matches(
    text: str, message: Message
) -> None:
    try:
        matches = compile_filter(SqlFilter(text))
    except InvalidFilterError:
        return

    assert matches(message) in (True, False)
