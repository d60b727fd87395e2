"""What operators make of two values; None, unknown, is also what comes of values that do not go together.

As in C#, which Service Bus follows: whole numbers have 64 bits, divide towards zero and become doubles beside a double.
Texts are compared character by character.
"""

from collections.abc import Callable
from datetime import datetime
from math import fmod, isinf
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import Any, TypeAlias, TypeGuard
from uuid import UUID

from shared.messaging.message import PropertyValue


class NewId:
    """What `newid()` returns: it equals no other id, and more of it can nobody see in a filter."""


Value: TypeAlias = PropertyValue | NewId
Number: TypeAlias = int | float
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1
MAX_TEXT = 32 * 1024
"""The most that a property may have (facts, section 4); actions could double a text again and again."""

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "<>": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
EQUALITY = frozenset({"=", "<>"})
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": add, "-": sub, "*": mul}


def compare(operator: str, left: Value, right: Value) -> bool | None:
    """Return what `left operator right` is."""
    if isinstance(left, str) and isinstance(right, str):
        return COMPARISONS[operator](left, right)
    numbers = _promoted(left, right)
    if numbers is not None:
        return COMPARISONS[operator](*numbers)
    if isinstance(left, datetime) and isinstance(right, datetime):
        is_alike = (left.utcoffset() is None) is (right.utcoffset() is None)
        return COMPARISONS[operator](left, right) if is_alike else None
    if operator in EQUALITY and any(
        isinstance(left, kind) and isinstance(right, kind) for kind in (bool, bytes, UUID | NewId)
    ):
        return COMPARISONS[operator](left, right)
    return None


def calculate(operator: str, left: Value, right: Value) -> Value:
    """Return what `left operator right` is: of numbers, or of two texts their concatenation."""
    if isinstance(left, str) and isinstance(right, str):
        is_there = operator == "+" and len(left) + len(right) <= MAX_TEXT
        return left + right if is_there else None
    numbers = _promoted(left, right)
    if numbers is None:
        return None
    if operator in ARITHMETIC:
        return _in_range(ARITHMETIC[operator](*numbers))
    return _divided(operator, *numbers)


def negative(value: Value) -> Value:
    """Return `-value`."""
    return calculate("-", 0, value)


def positive(value: Value) -> Value:
    """Return `+value`: the number it is."""
    return calculate("+", 0, value)


def _divided(operator: str, left: Number, right: Number) -> Number | None:
    if right == 0:
        return None
    if isinstance(left, float):
        if operator == "/":
            return left / right
        return None if isinf(left) else fmod(left, right)
    quotient = abs(left) // abs(right)
    quotient = quotient if (left < 0) is (right < 0) else -quotient
    return _in_range(quotient if operator == "/" else left - right * quotient)


def _promoted(left: Value, right: Value) -> tuple[Number, Number] | None:
    """Return two numbers of the same type, or None when there are not two."""
    if not _is_number(left) or not _is_number(right):
        return None
    if isinstance(left, float) or isinstance(right, float):
        return float(left), float(right)
    return left, right


def _is_number(value: Value) -> TypeGuard[Number]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return _in_range(value) is not None


def _in_range(number: Number) -> Number | None:
    is_there = isinstance(number, float) or MIN_INTEGER <= number <= MAX_INTEGER
    return number if is_there else None
