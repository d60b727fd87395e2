"""What a rule's action changed in a message, written into the message that came over AMQP.

Only what differs is encoded anew, so that ids and properties that the action left alone keep the types that their
sender gave them, and sections that it left alone every byte.
"""

from dataclasses import replace
from typing import Any

from shared.messaging.amqp.codec.property_values import typed, well_formed
from shared.messaging.amqp.codec.sections import (
    Code,
    Properties,
    find_sections,
    read_map,
    read_properties,
    write_map,
    write_properties,
)
from shared.messaging.amqp.codec.values import Symbol
from shared.messaging.message import Message, PropertyValue

FIELDS = {
    "message_id": "message_id",
    "to": "to",
    "subject": "subject",
    "reply_to": "reply_to",
    "correlation_id": "correlation_id",
    "content_type": "content_type",
    "group_id": "session_id",
    "reply_to_group_id": "reply_to_session_id",
}
"""Of the properties, by the name in AMQP, what the port calls them."""


def with_changes(payload: bytes, before: Message, after: Message) -> bytes:
    """Return the payload, which holds `before`, with the system and application properties of `after`."""
    return _with_application_properties(_with_properties(payload, before, after), before, after)


def _with_properties(payload: bytes, before: Message, after: Message) -> bytes:
    changes: dict[str, Any] = {
        field: getattr(after, name)
        for field, name in FIELDS.items()
        if getattr(after, name) != getattr(before, name)
    }
    if not changes:
        return payload
    if changes.get("content_type") is not None:
        octets = changes["content_type"].encode("ascii", errors="replace")
        changes["content_type"] = Symbol(octets, "ascii")
    start, end = _place(payload, Code.PROPERTIES)
    found = Properties()
    for section in find_sections(payload[start:end]):
        found = read_properties(payload[start:end], section)
    return payload[:start] + write_properties(replace(found, **changes)) + payload[end:]


def _with_application_properties(payload: bytes, before: Message, after: Message) -> bytes:
    old, new = before.application_properties, after.application_properties
    changes = {
        well_formed(name): typed(value)
        for name, value in new.items()
        if name not in old or not _is_same(old[name], value)
    }
    if not changes and old.keys() == new.keys():
        return payload
    start, end = _place(payload, Code.APPLICATION_PROPERTIES)
    found: dict[Any, Any] = {}
    for section in find_sections(payload[start:end]):
        found = read_map(payload[start:end], section)
    kept = {name: value for name, value in found.items() if str(name) in new}
    written = write_map(Code.APPLICATION_PROPERTIES, kept | changes)
    return payload[:start] + written + payload[end:]


def _place(payload: bytes, code: Code) -> tuple[int, int]:
    """Return where the section lies, or where it would have to begin."""
    for section in find_sections(payload):
        if section.code >= code:
            return section.start, section.end if section.code == code else section.start
    return len(payload), len(payload)


def _is_same(one: PropertyValue, other: PropertyValue) -> bool:
    """To Python 1, 1.0 and True are equal, and a number that is none equals nothing."""
    return one is other or (type(one) is type(other) and one == other)
