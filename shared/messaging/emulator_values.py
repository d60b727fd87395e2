"""The names, durations and expressions in the official emulator's Config.json, and their limits (facts §4).

What this broker does not do is refused, unless it is empty, as samples have all members.
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainValidator, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from shared.errors import InvalidFilterError
from shared.messaging.filters import compile_filter
from shared.messaging.filters.parser import parse_action
from shared.messaging.message import PropertyValue
from shared.messaging.rules import SqlFilter
from shared.wire.times import Duration
from shared.wire.words import word_reader

MAX_DELIVERY_COUNT = 2_000
SECOND = timedelta(seconds=1)
# It becomes the name of a file.
NAMESPACE = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
PATH = re.compile(r"[A-Za-z0-9](?:[\w./-]{0,258}[A-Za-z0-9])?", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,48}[A-Za-z0-9])?", re.ASCII)
RULE_NAME = re.compile(rf"{NAME.pattern}|\$Default", re.ASCII)
RESERVED_SEGMENT = "/subscriptions/"


class FilterType(StrEnum):
    """Which of the two filters a rule has."""

    SQL = "Sql"
    CORRELATION = "Correlation"


read_filter_type = word_reader(FilterType)


def _name(pattern: re.Pattern[str], words: str) -> AfterValidator:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise PydanticCustomError("name", "must be {words}", {"words": words})
        if RESERVED_SEGMENT in text.lower():
            raise PydanticCustomError("name", "must not look like the path of a subscription")
        return text

    return AfterValidator(check)


def _between(shortest: timedelta, longest: timedelta, words: str) -> AfterValidator:
    def check(duration: timedelta) -> timedelta:
        if not shortest <= duration <= longest:
            raise PydanticCustomError("range", "must be {words}", {"words": words})
        return duration

    return AfterValidator(check)


def _left_out(reason: str) -> AfterValidator:
    def check(text: str) -> str:
        if text.strip():
            raise PydanticCustomError("left_out", "{reason}", {"reason": reason})
        return text

    return AfterValidator(check)


def _check_count(count: int) -> int:
    if not 1 <= count <= MAX_DELIVERY_COUNT:
        raise PydanticCustomError("range", "must be from 1 to {most}", {"most": MAX_DELIVERY_COUNT})
    return count


def _check_expression(expression: str) -> str:
    try:
        compile_filter(SqlFilter(expression))
    except InvalidFilterError as error:
        raise PydanticCustomError("filter", "{message}", {"message": error.message}) from None
    return expression


def _check_action(action: str) -> str:
    """One of blanks is none, as samples have all members."""
    try:
        if action.strip():
            parse_action(action)
    except InvalidFilterError as error:
        raise PydanticCustomError("action", "{message}", {"message": error.message}) from None
    return action


def _check_property(value: object) -> PropertyValue:
    if isinstance(value, str | int | float):
        return value
    raise PydanticCustomError("property", "must be a string, a number, true or false")


TimeToLive = Annotated[Duration, _between(SECOND, timedelta.max, "at least PT1S")]
Window = Annotated[Duration, _between(5 * SECOND, timedelta(days=7), "from PT5S to P7D")]
Lock = Annotated[Duration, _between(5 * SECOND, timedelta(minutes=5), "from PT5S to PT5M")]
Count = Annotated[StrictInt, AfterValidator(_check_count)]
Forwarding = Annotated[StrictStr, _left_out("must be empty: this broker does not forward messages")]
Action = Annotated[StrictStr, AfterValidator(_check_action)]
FilterTypeWord = Annotated[FilterType, BeforeValidator(read_filter_type)]
Expression = Annotated[StrictStr, AfterValidator(_check_expression)]
Property = Annotated[PropertyValue, PlainValidator(_check_property)]
ENDS = "with a letter or digit at both ends"
NamespaceName = Annotated[
    StrictStr,
    _name(
        NAMESPACE, "1 to 50 letters, digits and -, with a letter before and no - after the others"
    ),
]
EntityPath = Annotated[StrictStr, _name(PATH, f"1 to 260 letters, digits and - _ . /, {ENDS}")]
SubscriptionName = Annotated[StrictStr, _name(NAME, f"1 to 50 letters, digits and - _ ., {ENDS}")]
RuleName = Annotated[StrictStr, _name(RULE_NAME, f"1 to 50 letters, digits and - _ ., {ENDS}")]
