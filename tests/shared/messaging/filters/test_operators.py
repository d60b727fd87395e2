"""What operators make of two values, as C# would have it where it has them."""

from datetime import UTC, datetime, timedelta
from math import inf, nan
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.filters.operators import (
    COMPARISONS,
    NewId,
    Value,
    calculate,
    compare,
    negative,
    positive,
)
from tests.shared.messaging.filters.trees import values

ID, OTHER_ID = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEW_ID = NewId()
KINDS: tuple[Value, ...] = (1, True, "1", b"1", NOON, NOON.replace(tzinfo=None), ID, None)
OPERATORS = ("+", "-", "*", "/", "%")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 2),
        (1, 1.5),
        (-0.5, 0),
        (2**63, 2**64 - 1),
        (1.0, inf),
        ("A", "a"),
        ("a", "b"),
        ("a", "aa"),
        ("", "a"),
        (NOON, NOON + timedelta(microseconds=1)),
        (NOON.replace(tzinfo=None), datetime(2026, 1, 2)),  # noqa: DTZ001
    ],
    ids=repr,
)
def test_numbers_texts_and_instants_have_an_order(left: Value, right: Value) -> None:
    outcome = {operator: compare(operator, left, right) for operator in COMPARISONS}

    assert [operator for operator, is_so in outcome.items() if is_so] == ["<>", "<", "<="]
    assert compare(">", right, left) is True
    assert compare("=", left, left) is True


@pytest.mark.parametrize(
    ("left", "right"),
    [(True, False), (b"a", b"b"), (ID, OTHER_ID), (ID, NEW_ID), (NewId(), NEW_ID)],
    ids=["bool", "bytes", "id", "new id", "new ids"],
)
def test_what_has_no_order_is_only_equal_or_not(left: Value, right: Value) -> None:
    outcome = {operator: compare(operator, left, right) for operator in COMPARISONS}

    assert outcome == {"=": False, "<>": True, "<": None, "<=": None, ">": None, ">=": None}
    assert compare("=", left, left) is True


@pytest.mark.parametrize("operator", COMPARISONS)
@pytest.mark.parametrize("left", range(len(KINDS)))
def test_values_of_different_types_do_not_compare(operator: str, left: int) -> None:
    others = [kind for index, kind in enumerate(KINDS) if index != left]

    assert {compare(operator, KINDS[left], other) for other in others} == {None}
    assert {compare(operator, other, KINDS[left]) for other in others} == {None}


def test_a_whole_number_beside_a_double_is_a_double() -> None:
    assert compare("=", 2**53 + 1, float(2**53)) is True
    assert compare("=", 2**53 + 1, 2**53) is False


def test_what_is_no_number_equals_nothing() -> None:
    assert compare("=", nan, nan) is False
    assert compare("<>", nan, 1) is True


def test_a_whole_number_of_more_than_64_bits_is_unknown() -> None:
    assert compare("=", 2**64, 2**64) is None
    assert compare("=", 10**400, 1.0) is None
    assert compare("=", -(2**63), -(2**63)) is True


@pytest.mark.parametrize(
    ("left", "operator", "right", "result"),
    [
        (1, "+", 2, 3),
        (1, "+", 0.5, 1.5),
        (1, "-", 2, -1),
        (3, "*", 4, 12),
        (7, "/", 2, 3),
        (-7, "/", 2, -3),
        (7, "/", -2, -3),
        (-7, "/", -2, 3),
        (7, "%", 2, 1),
        (-7, "%", 2, -1),
        (7, "%", -2, 1),
        (7, "/", 2.0, 3.5),
        (-7.5, "%", 2, -1.5),
        (7, "%", inf, 7.0),
        (1e308, "*", 10, inf),
        (2**63 - 1, "+", 1, 2**63),
        ("a", "+", "b", "ab"),
    ],
)
def test_arithmetic(left: Value, operator: str, right: Value, result: Value) -> None:
    found = calculate(operator, left, right)

    assert (found, type(found)) == (result, type(result))


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [
        (1, "/", 0),
        (1, "%", 0),
        (1.0, "/", 0),
        (1.0, "%", 0.0),
        (inf, "%", 2),
        (2**64 - 1, "+", 1),
        (-(2**63), "/", 1 - 1),
        (-(2**63), "-", 1),
        (2**64, "-", 1),
        ("a", "-", "a"),
        ("a", "+", 1),
        (1, "+", "a"),
        (True, "+", 1),
        (NOON, "-", NOON),
        (b"a", "+", b"a"),
        (None, "+", 1),
        (1, "+", None),
    ],
)
def test_arithmetic_without_a_result_is_unknown(left: Value, operator: str, right: Value) -> None:
    assert calculate(operator, left, right) is None


def test_signs() -> None:
    assert (negative(1), positive(1)) == (-1, 1)
    assert (negative(-1.5), positive(-1.5)) == (1.5, -1.5)
    assert {negative("1"), positive("1"), negative(True), positive(None)} == {None}
    assert negative(2**64 - 1) is None


@given(values(), values())
def test_a_comparison_is_the_mirror_of_the_other_way_round(left: Value, right: Value) -> None:
    mirrors = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

    for operator, mirror in mirrors.items():
        assert compare(operator, left, right) is compare(mirror, right, left)


@given(values(), values())
def test_unequal_is_not_equal(left: Value, right: Value) -> None:
    equal, unequal = compare("=", left, right), compare("<>", left, right)

    assert (equal, unequal) in {(True, False), (False, True), (None, None)}


@given(values(), st.sampled_from(OPERATORS), values())
def test_arithmetic_never_raises_and_only_numbers_and_texts_have_any(
    left: Value, operator: str, right: Value
) -> None:
    result = calculate(operator, left, right)

    assert result is None or type(result) in (int, float, str)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1).filter(bool))
def test_quotient_and_remainder_belong_together(left: int, right: int) -> None:
    quotient, remainder = calculate("/", left, right), calculate("%", left, right)

    assert isinstance(quotient, int)
    assert isinstance(remainder, int)
    assert quotient * right + remainder == left
    assert abs(remainder) < abs(right)
    assert remainder == 0 or (remainder < 0) is (left < 0)
