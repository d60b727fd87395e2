"""Application properties, ids and bodies as the port has them, and as AMQP does; the port knows fewer types."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.messaging.amqp.codec.values import Array, Described, Int, Timestamp
from shared.messaging.message import NO_PROPERTIES, PropertyValue

_INT = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)


def plain_properties(properties: Mapping[Any, Any]) -> Mapping[str, PropertyValue]:
    return {str(name): plain(value) for name, value in properties.items()} or NO_PROPERTIES


def plain(value: Any) -> PropertyValue:
    """Return what a filter or a function can compare; a described value (.NET's TimeSpan and Uri) is what it describes.

    Lists, maps and arrays, which application properties may not be, become JSON.
    """
    match value:
        case None | bool() | UUID() | datetime():
            return value
        case Timestamp():
            with suppress(OverflowError):
                return value.instant()
            return int(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case str():
            return str(value)
        case bytes():
            return bytes(value)
        case Described():
            return plain(value.value)
        case _:
            return _json(value).decode()


def text(value: Any) -> str | None:
    """Return an id, whichever of its four types it has (part 3, 3.2.11 to 3.2.14); binary that is no text as hex."""
    match value:
        case None | str():
            return value
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return value.hex()
        case _:
            return str(value)


def body_of(value: Any) -> bytes:
    """Return the bytes of a body that is not made of bytes: text as UTF-8, everything else as JSON."""
    match value:
        case None:
            return b""
        case bytes():
            return bytes(value)
        case str():
            return value.encode()
        case _:
            return _json(value)


def _json(value: Any) -> bytes:
    return json.dumps(_document(value), ensure_ascii=False).encode()


def _document(value: Any) -> Any:
    match value:
        case dict():
            return {str(plain(key)): _document(item) for key, item in value.items()}
        case list() | Array():
            return [_document(item) for item in value]
        case Described():
            return _document(value.value)
        case _:
            return _simple_document(plain(value))


def _simple_document(document: PropertyValue) -> Any:
    match document:
        case bytes():
            return text(document)
        case datetime():
            return document.isoformat()
        case UUID():
            return str(document)
        case _:
            return document


def typed_properties(properties: Mapping[str, PropertyValue]) -> dict[str, Any]:
    return {well_formed(name): typed(value) for name, value in properties.items()}


def typed(value: PropertyValue) -> Any:
    """Return the value in the type that the SDK gives it; an integer is an int, a long or text, whichever holds it."""
    match value:
        case bool():
            return value
        case int():
            if value in _INT:
                return Int(value)
            return int(value) if value in _LONG else str(value)
        case str():
            return well_formed(value)
        case _:
            return value


def well_formed(value: str) -> str:
    """Half a surrogate pair, which JSON can spell, is no text that AMQP can carry."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="replace").decode()
    return value
