"""The JSON Batch Format of CloudEvents: several events in one body, an array.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic_core import to_json

from shared.errors import Fault, InvalidRequestError
from shared.events.cloudevent import CloudEvent, event_of, write
from shared.wire.json_types import Json, parse_json

CONTENT_TYPE = "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class BatchedEvent:
    """An event, and the same as one object of JSON."""

    event: CloudEvent
    structured: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What stood in a body: the events by their position, and everything wrong with the rest."""

    events: Mapping[int, BatchedEvent]
    faults: tuple[Fault, ...]


def join_events(encoded: Iterable[bytes]) -> bytes:
    """Return encoded events as one batch."""
    return b"[%b]" % b",".join(encoded)


def read_batch(body: bytes) -> Batch:
    """Return every event in `body` that is one; what is no array of JSON holds none, and has one fault.

    Of equal members the last counts, as at every door; the event that is returned has it once.
    """
    try:
        document = parse_json(body)
    except InvalidRequestError as error:
        return Batch({}, error.faults)
    if not isinstance(document, list):
        return Batch({}, (Fault("$", "must be an array"),))
    events: dict[int, BatchedEvent] = {}
    faults: list[Fault] = []
    for position, element in enumerate(document):
        try:
            events[position] = BatchedEvent(event_of(element), written(element))
        except InvalidRequestError as error:
            faults += placed(error.faults, position)
    return Batch(events, tuple(faults))


def written(element: Json) -> bytes:
    """Return what was read from JSON as JSON; a number beyond all floats was read as infinite and is a fault."""
    structured = to_json(element)
    return write(element) if b"Infinity" in structured else structured


def placed(faults: Iterable[Fault], position: int) -> list[Fault]:
    """Return the faults of one event as those of its batch."""
    return [replace(fault, path=f"$[{position}]{fault.path[1:]}") for fault in faults]
