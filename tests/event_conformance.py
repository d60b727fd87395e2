"""Whether an event is what its schema in the reference says, and nothing besides."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from shared.events.event_types import EventType
from shared.wire.faults import json_path

SCHEMAS = Path(__file__).parents[1] / "docs" / "reference" / "events"


def check_event(event: dict[str, Any]) -> None:
    """Fail if the data of an event, given as JSON, is not of its schema, or has members that it does not name."""
    event_type = EventType(event["type"])
    assert event["dataschema"] == event_type.dataschema, event
    faults = [
        f"{json_path(error.instance_path)}: {error.message}"
        for error in validator(event_type).iter_errors(event["data"])
    ]
    assert faults == [], (event, faults)


@cache
def validator(event_type: EventType) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{event_type.value}.json").read_bytes())
    assert schema["$id"] == event_type.dataschema
    return Draft202012Validator(closed(schema), validate_formats=True)


def closed(value: Any) -> Any:
    """Return a schema without room for what it does not name: only readers need that."""
    match value:
        case dict():
            found = {name: closed(one) for name, one in value.items()}
            if "properties" in value and "type" in value:
                found.setdefault("additionalProperties", False)
            return found
        case list():
            return [closed(one) for one in value]
        case _:
            return value
