"""The tree of a SQL filter as a function of the message: true, false, or None for unknown (SQL-92, 8.12)."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias, assert_never

from shared.messaging.filters.like import compile_pattern
from shared.messaging.filters.operators import (
    NewId,
    Value,
    calculate,
    compare,
    negative,
    positive,
)
from shared.messaging.filters.syntax import (
    AllOf,
    AnyOf,
    Arithmetic,
    Comparison,
    Constant,
    Existence,
    Expression,
    Likeness,
    Membership,
    NamedProperty,
    Negation,
    Negative,
    NewIdCall,
    NullCheck,
    Positive,
    Predicate,
    Property,
    SystemProperty,
    UserProperty,
)
from shared.messaging.filters.system_properties import SYSTEM_PROPERTIES
from shared.messaging.message import Message, PropertyValue

Truth: TypeAlias = bool | None
Test: TypeAlias = Callable[[Message], Truth]
Reader: TypeAlias = Callable[[Message], Value]


def compile_predicate(predicate: Predicate) -> Test:
    """Return the function; it never raises."""
    match predicate:
        case AllOf(parts):
            return _unless(False, [compile_predicate(part) for part in parts])
        case AnyOf(parts):
            return _unless(True, [compile_predicate(part) for part in parts])
        case Negation(negated):
            return _negation(compile_predicate(negated))
        case Comparison(left, operator, right):
            return _comparison(compile_expression(left), operator, compile_expression(right))
        case Membership(operand, choices):
            read = compile_expression(operand)
            return _unless(
                True, [_comparison(read, "=", compile_expression(choice)) for choice in choices]
            )
        case Likeness():
            return _likeness(predicate)
        case NullCheck(property):
            value = compile_expression(property)
            return lambda message: value(message) is None
        case Existence(property):
            return _existence(property)
        case _:
            assert_never(predicate)


def _unless(decisive: bool, tests: list[Test]) -> Test:
    """One decisive part decides; failing that one unknown part makes it unknown."""

    def evaluate(message: Message) -> Truth:
        result: Truth = not decisive
        for test in tests:
            truth = test(message)
            if truth is decisive:
                return decisive
            if truth is None:
                result = None
        return result

    return evaluate


def _negation(test: Test) -> Test:
    def evaluate(message: Message) -> Truth:
        truth = test(message)
        return None if truth is None else not truth

    return evaluate


def _comparison(left: Reader, operator: str, right: Reader) -> Test:
    return lambda message: compare(operator, left(message), right(message))


def _likeness(likeness: Likeness) -> Test:
    operand, pattern = compile_expression(likeness.operand), compile_expression(likeness.pattern)
    escape = None if likeness.escape is None else compile_expression(likeness.escape)
    compiled = lru_cache(maxsize=16)(compile_pattern)

    def evaluate(message: Message) -> Truth:
        text, like = operand(message), pattern(message)
        character = "" if escape is None else escape(message)
        if not (isinstance(text, str) and isinstance(like, str) and isinstance(character, str)):
            return None
        if len(character) != (0 if escape is None else 1):
            return None
        matches = compiled(like, character)
        return None if matches is None else matches(text)

    return evaluate


def _existence(property: Property) -> Test:
    match property:
        case SystemProperty(name):
            read = SYSTEM_PROPERTIES[name]
            return lambda message: read(message) is not None
        case UserProperty(name):
            return lambda message: find(message.application_properties, name) is not None
        case _:
            assert_never(property)


def compile_expression(expression: Expression) -> Reader:
    """Return the function; it never raises."""
    match expression:
        case Constant(value):
            return lambda message: value
        case SystemProperty(name):
            return SYSTEM_PROPERTIES[name]
        case UserProperty(name):
            return lambda message: _value(message, name)
        case NamedProperty(named):
            return _named(compile_expression(named))
        case NewIdCall():
            return lambda message: NewId()
        case Negative(operand):
            return _signed(negative, compile_expression(operand))
        case Positive(operand):
            return _signed(positive, compile_expression(operand))
        case Arithmetic(first, rest):
            return _arithmetic(
                compile_expression(first), [(sign, compile_expression(part)) for sign, part in rest]
            )
        case _:
            assert_never(expression)


def _named(read_name: Reader) -> Reader:
    def read(message: Message) -> Value:
        name = read_name(message)
        return _value(message, name) if isinstance(name, str) else None

    return read


def _signed(sign: Callable[[Value], Value], operand: Reader) -> Reader:
    return lambda message: sign(operand(message))


def _arithmetic(first: Reader, rest: list[tuple[str, Reader]]) -> Reader:
    def read(message: Message) -> Value:
        value = first(message)
        for operator, operand in rest:
            value = calculate(operator, value, operand(message))
        return value

    return read


def _value(message: Message, name: str) -> PropertyValue:
    found = find(message.application_properties, name)
    return None if found is None else message.application_properties[found]


def find(properties: Mapping[str, PropertyValue], name: str) -> str | None:
    """Return the property's name as the message spells it: case does not matter, yet the very name comes first."""
    if name in properties:
        return name
    folded = name.lower()
    return next((found for found in properties if found.lower() == folded), None)
