from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.amqp.codec.property_values import (
    body_of,
    plain,
    plain_properties,
    text,
    typed,
    typed_properties,
    well_formed,
)
from shared.messaging.amqp.codec.values import (
    Array,
    Char,
    Decimal32,
    Described,
    Float,
    Int,
    Symbol,
    Timestamp,
    ULong,
)
from shared.messaging.message import NO_PROPERTIES
from tests.shared.messaging.amqp.amqp_values import VALUES

ID = UUID("00112233-4455-6677-8899-aabbccddeeff")

PLAIN = [
    (None, None),
    (True, True),
    (Int(-1), -1),
    (ULong(2**64 - 1), 2**64 - 1),
    (Float(0.5), 0.5),
    (Symbol("a"), "a"),
    (Char("é"), "é"),
    (b"\xff", b"\xff"),
    (Decimal32(b"\x22\x50\x00\x01"), b"\x22\x50\x00\x01"),
    (ID, ID),
    (Timestamp(1500), datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)),
    (Timestamp(2**63 - 1), 2**63 - 1),
    (Described(Symbol("com.microsoft:timespan"), 600_000_000), 600_000_000),
    ([1, Symbol("a"), None], '[1, "a", null]'),
    (Array(Int, (Int(1),)), "[1]"),
    ({"a": [b"text", b"\xff", ID]}, f'{{"a": ["text", "ff", "{ID}"]}}'),
    ({Symbol("at"): Timestamp(0)}, '{"at": "1970-01-01T00:00:00+00:00"}'),
]


@pytest.mark.parametrize(("value", "expected"), PLAIN, ids=[repr(pair[0])[:40] for pair in PLAIN])
def test_the_port_gets_plain_values(value: Any, expected: Any) -> None:
    found = plain(value)

    assert found == expected
    assert type(found) is type(expected)


@given(VALUES)
def test_every_value_is_plain_to_the_port_and_can_be_a_body(value: Any) -> None:
    allowed = (str, int, float, bool, bytes, datetime, UUID, type(None))

    assert type(plain(value)) in allowed
    assert isinstance(body_of(value), bytes)
    assert isinstance(text(value), str | None)


def test_names_of_properties_become_text_and_no_properties_stay_none() -> None:
    assert plain_properties({"a": Int(1), Symbol("b"): None}) == {"a": 1, "b": None}
    assert plain_properties({}) is NO_PROPERTIES


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("a", "a"), (ULong(7), "7"), (ID, str(ID)), (b"a", "a"), (b"\xff", "ff")],
    ids=repr,
)
def test_an_id_of_any_type_is_told_as_text(value: Any, expected: str | None) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b""),
        (b"\xff", b"\xff"),
        ("é", "é".encode()),
        (5, b"5"),
        ([1, "é"], '[1, "é"]'.encode()),
        ({"a": True}, b'{"a": true}'),
    ],
    ids=repr,
)
def test_a_body_of_any_type_is_told_as_bytes(value: Any, expected: bytes) -> None:
    assert body_of(value) == expected


TYPED = [
    (True, bool, True),
    (2**31 - 1, Int, 2**31 - 1),
    (-(2**31) - 1, int, -(2**31) - 1),
    (2**63, str, str(2**63)),
    ("a\ud800", str, "a?"),
    (b"a", bytes, b"a"),
    (ID, UUID, ID),
]


@pytest.mark.parametrize(("value", "kind", "expected"), TYPED, ids=[repr(t[0]) for t in TYPED])
def test_a_property_of_the_port_gets_the_type_the_sdk_gives_it(
    value: Any, kind: type, expected: Any
) -> None:
    assert (type(typed(value)), typed(value)) == (kind, expected)


def test_names_of_properties_are_well_formed_too() -> None:
    assert typed_properties({"\udfff": None}) == {"?": None}


@given(st.text())
def test_text_is_changed_only_where_it_is_none(value: str) -> None:
    assert well_formed(value).encode().decode() == well_formed(value)
    assert well_formed(value) == value or any("\ud800" <= each <= "\udfff" for each in value)
