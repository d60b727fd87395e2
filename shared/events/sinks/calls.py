"""Events as entries of the calls that send several at once, within what a service takes; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from re import compile as pattern
from typing import Any

from shared.events.sink import OutgoingEvent
from shared.wire.json_types import JsonObject, parse_json

# What deduplication ids and groups of FIFO queues and topics may be.
FIFO_ID = pattern(r"[\x21-\x7e]{1,128}")
# JSON escapes whatever else messages of SQS and SNS must not hold (https://www.w3.org/TR/REC-xml/#charsets).
NOT_IN_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What a call takes: how many entries, and how many bytes of several together or of one alone."""

    entries: int
    bytes: int
    bytes_alone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event in the form of a service; of its `group` no entry must get past another."""

    position: int
    size: int
    content: Mapping[str, Any]
    group: str | None = None


def next_call(entries: Sequence[Entry], caps: Caps) -> list[Entry]:
    """Return what goes into one call, in order, of entries none of which is too large alone.

    Of each group there is one at most: those behind one that fails must not have arrived before it.
    """
    call: list[Entry] = []
    groups: set[str] = set()
    size = 0
    for entry in entries:
        if entry.group is not None:
            if entry.group in groups:
                continue
            groups.add(entry.group)
        if call and size + entry.size > caps.bytes:
            continue
        call.append(entry)
        size += entry.size
        if len(call) == caps.entries or size > caps.bytes:
            break
    return call


def text_of(event: OutgoingEvent) -> str:
    """Return the event as a text that every service of AWS takes."""
    return event.structured.decode().translate(NOT_IN_XML)


def members_of(event: OutgoingEvent) -> JsonObject:
    """Return the members of the event, its data among them."""
    document = parse_json(event.structured)
    assert isinstance(document, dict), "events are objects"
    return document


def message_entry(
    position: int, event: OutgoingEvent, *, member: str, is_fifo: bool, group: object = None
) -> Entry:
    """Return an event as SNS and SQS have it, its text under `member`; without a `group` its subject is one."""
    text, members = text_of(event), members_of(event)
    attributes = message_attributes(members)
    content: dict[str, Any] = {"Id": str(position), member: text, "MessageAttributes": attributes}
    in_group = None
    if is_fifo:
        in_group = fifo_id(str(group or members.get("subject") or members["source"]))
        content |= {"MessageGroupId": in_group, "MessageDeduplicationId": fifo_id(event.id)}
    size = len(text.encode()) + attributes_size(attributes)
    return Entry(position=position, size=size, content=content, group=in_group)


def fifo_id(text: str) -> str:
    """Return `text` as an id of FIFO queues and topics, itself where it can be one."""
    return text if FIFO_ID.fullmatch(text) else sha256(text.encode()).hexdigest()


def message_attributes(event: JsonObject) -> dict[str, dict[str, str]]:
    """Return what filter policies select by."""
    return {
        name: {"DataType": "String", "StringValue": value}
        for name in ("type", "source", "subject")
        if isinstance(value := event.get(name), str)
    }


def attributes_size(attributes: Mapping[str, Mapping[str, str]]) -> int:
    """Return the bytes that attributes count: name, type and value of each."""
    return sum(
        len(text.encode()) for name, value in attributes.items() for text in (name, *value.values())
    )
