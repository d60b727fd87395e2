"""The CloudEvent around an event's data: the attributes that ours have (docs/reference/events.md)."""

from shared.trace_context import TRACEPARENT
from shared.wire.json_types import JsonObject

TEXT: JsonObject = {"type": "string", "minLength": 1}
SEQUENCE = "sequence"
ATTRIBUTES: JsonObject = {
    "specversion": {"type": "string", "const": "1.0"},
    "id": {**TEXT, "maxLength": 2048},
    "source": {**TEXT, "format": "uri-reference"},
    "type": TEXT,
    "subject": TEXT,
    "time": {"type": "string", "format": "date-time"},
    "dataschema": {**TEXT, "format": "uri"},
    "datacontenttype": TEXT,
    SEQUENCE: {"type": "string", "pattern": "^[0-9]{19}$"},
    "operationid": TEXT,
    "executionid": TEXT,
    "correlationid": TEXT,
    TRACEPARENT: {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
    "dataref": {**TEXT, "format": "uri-reference"},
}


def envelope(data: JsonObject, members: JsonObject, *, is_numbered: bool) -> JsonObject:
    """Return the schema of an event in structured mode; `members` say more of its attributes.

    The log gives a number to every event; one that is on its way there has none.
    """
    attributes = {
        name: schema for name, schema in ATTRIBUTES.items() if is_numbered or name != SEQUENCE
    }
    required = ["specversion", "id", "source", "type", *([SEQUENCE] if is_numbered else ())]
    return {
        "type": "object",
        "properties": {**attributes, **members, "data": data},
        "required": [*required],
    }
