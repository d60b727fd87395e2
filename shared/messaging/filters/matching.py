"""A rule's filter as a function of the message."""

from collections.abc import Callable
from typing import assert_never

from shared.messaging.filters.evaluation import compile_predicate
from shared.messaging.filters.parser import parse
from shared.messaging.message import Message, PropertyValue
from shared.messaging.rules import CorrelationFilter, FalseFilter, Filter, SqlFilter, TrueFilter

CORRELATED = (
    "correlation_id",
    "message_id",
    "to",
    "reply_to",
    "subject",
    "session_id",
    "reply_to_session_id",
    "content_type",
)


def compile_filter(filter: Filter) -> Callable[[Message], bool]:
    """Return what says of a message whether the filter matches it; that never raises, whatever the message holds.

    Raises:
        InvalidFilterError: it says where in the expression, what was found there and what was expected.
    """
    match filter:
        case TrueFilter():
            return lambda message: True
        case FalseFilter():
            return lambda message: False
        case CorrelationFilter():
            return _correlation(filter)
        case SqlFilter():
            return _sql(filter.expression)
        case _:
            assert_never(filter)


def _sql(expression: str) -> Callable[[Message], bool]:
    test = compile_predicate(parse(expression))
    return lambda message: test(message) is True


def _correlation(filter: CorrelationFilter) -> Callable[[Message], bool]:
    wanted = [(name, value) for name in CORRELATED if (value := getattr(filter, name)) is not None]
    properties = tuple(filter.properties.items())

    def matches(message: Message) -> bool:
        found = message.application_properties
        return all(getattr(message, name) == value for name, value in wanted) and all(
            name in found and _is_same(found[name], value) for name, value in properties
        )

    return matches


def _is_same(one: PropertyValue, other: PropertyValue) -> bool:
    # To Python True is 1; to AMQP they are values of different types.
    return isinstance(one, bool) is isinstance(other, bool) and one == other
