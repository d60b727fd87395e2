"""What a value becomes where another type is wanted: the text of a system property, or the type of what is replaced."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from shared.messaging.filters.operators import MAX_TEXT
from shared.messaging.message import PropertyValue

MAX_ID = 128
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
BOOLEANS = {"true": True, "false": False}


def text_of(value: PropertyValue, *, longest: int = MAX_TEXT) -> str | None:
    """Return the value as text; None for what is none, or a longer one."""
    match value:
        case str():
            text = value
        case bool() | int() | float() | UUID():
            text = str(value)
        case datetime():
            text = value.isoformat()
        case _:
            return None
    return text if len(text) <= longest and _is_unicode(text) else None


def converted(value: PropertyValue, replaced: PropertyValue) -> PropertyValue:
    """Return the value in the type of what it replaces, or as it is where it cannot be that («Action Syntax»)."""
    convert = CONVERSIONS.get(type(replaced))
    changed = None if convert is None else convert(value)
    return value if changed is None else changed


def _integer(value: PropertyValue) -> int | None:
    match value:
        case str() if INTEGER.fullmatch(value):
            return int(value)
        case float() if value.is_integer() and abs(value) < 2**63:
            return int(value)
        case _:
            return None


def _double(value: PropertyValue) -> float | None:
    match value:
        case bool():
            return None
        case int():
            with suppress(OverflowError):
                return float(value)
            return None
        case str() if NUMBER.fullmatch(value):
            return float(value)
        case _:
            return None


def _boolean(value: PropertyValue) -> bool | None:
    return BOOLEANS.get(value.lower()) if isinstance(value, str) else None


def _id(value: PropertyValue) -> UUID | None:
    if isinstance(value, str):
        with suppress(ValueError):
            return UUID(value)
    return None


def _is_unicode(text: str) -> bool:
    """Half a surrogate pair, which JSON can spell, is no text."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


CONVERSIONS: dict[type, Callable[[PropertyValue], PropertyValue]] = {
    bool: _boolean,
    float: _double,
    int: _integer,
    str: text_of,
    UUID: _id,
}
