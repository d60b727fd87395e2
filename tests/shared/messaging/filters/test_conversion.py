"""What a value becomes where another type is wanted."""

from datetime import UTC, datetime
from math import inf
from uuid import UUID

import pytest
from hypothesis import given

from shared.messaging.filters.conversion import converted, text_of
from shared.messaging.message import PropertyValue
from tests.shared.messaging.filters.trees import values

ID = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "replaced", "result"),
    [
        ("-12", 1, -12),
        ("x", 1, "x"),
        ("1.5", 1, "1.5"),
        (2.0, 1, 2),
        (2.5, 1, 2.5),
        (inf, 1, inf),
        (True, 1, True),
        (2, 1.5, 2.0),
        ("1e3", 1.5, 1000.0),
        ("x", 1.5, "x"),
        (True, 1.5, True),
        (10**400, 1.5, 10**400),
        ("TRUE", False, True),
        ("yes", False, "yes"),
        (1, False, 1),
        (str(ID), UUID(int=1), ID),
        ("x", UUID(int=1), "x"),
        (1, UUID(int=1), 1),
        (7, "x", "7"),
        (b"x", "x", b"x"),
        (NOON, "x", "2026-01-01T12:00:00+00:00"),
        ("x", NOON, "x"),
        ("x", b"y", "x"),
        ("x", None, "x"),
        (None, "x", None),
    ],
    ids=repr,
)
def test_a_value_takes_the_type_of_what_it_replaces_if_it_can(
    value: PropertyValue, replaced: PropertyValue, result: PropertyValue
) -> None:
    assert repr(converted(value, replaced)) == repr(result)


@given(values())
def test_a_value_that_has_the_type_already_is_as_it_was(value: PropertyValue) -> None:
    assert repr(converted(value, value)) == repr(value)


def test_text_may_not_be_longer_than_is_said() -> None:
    assert text_of("abc", longest=3) == "abc"
    assert text_of("abcd", longest=3) is None
