"""The JSON Batch Format of CloudEvents: several events in one body, an array.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shared.errors import Fault, InvalidRequestError
from shared.events.cloudevent import CloudEvent, event_of, load_json

CONTENT_TYPE = "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class Batch:
    """What stood in a body: the events by their position, and everything wrong with the rest."""

    events: Mapping[int, CloudEvent]
    faults: tuple[Fault, ...]


def join_events(encoded: Iterable[bytes]) -> bytes:
    """Return encoded events as one batch."""
    return b"[%b]" % b",".join(encoded)


def read_batch(body: bytes) -> Batch:
    """Return every event in `body` that is one; what is no array of JSON holds none, and has one fault."""
    try:
        document = load_json(body)
    except InvalidRequestError as error:
        return Batch({}, error.faults)
    if not isinstance(document, list):
        return Batch({}, (Fault("$", "must be an array"),))
    events: dict[int, CloudEvent] = {}
    faults: list[Fault] = []
    for position, element in enumerate(document):
        try:
            events[position] = event_of(element)
        except InvalidRequestError as error:
            faults += placed(error.faults, position)
    return Batch(events, tuple(faults))


def placed(faults: Iterable[Fault], position: int) -> list[Fault]:
    """Return the faults of one event as those of its batch."""
    return [replace(fault, path=f"$[{position}]{fault.path[1:]}") for fault in faults]
