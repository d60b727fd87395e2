"""The schema of each event's data: JSON Schema 2020-12, one document for each type, named by its `dataschema`."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from shared.contracts.schemas import Schemas, as_object, needed, opened, referring, told_schemas
from shared.events.event_data import JOB_EVENTS, MODELS
from shared.events.event_types import EventType
from shared.wire.json_types import JsonObject
from shared.wire.openapi.json_schemas import REF

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JOB = "JobAnswer"

WHEN: Mapping[EventType, str] = MappingProxyType(
    {
        EventType.OPERATION_SUCCEEDED: "An operation ended well.",
        EventType.OPERATION_FAILED: "An operation ended, and not well.",
        EventType.OPERATION_CANCELED: "An operation was canceled before it started.",
        EventType.JOB_CREATED: "A PUT or POST made a job.",
        EventType.JOB_UPDATED: "A PUT, or a PATCH of more than its state, changed a job.",
        EventType.JOB_DELETED: "A job was deleted, alone or with what it was in; the data is the job as it was.",
        EventType.JOB_ENABLED: "The state of a job was changed to enabled.",
        EventType.JOB_DISABLED: "The state of a job was changed to disabled.",
        EventType.JOB_COMPLETED: "No occurrence of a job is left, and the last one did not fail.",
        EventType.JOB_FAULTED: "The last occurrence of a job failed, or the next one cannot be computed.",
        EventType.ATTEMPT_SUCCEEDED: "A try of an action ended well.",
        EventType.ATTEMPT_FAILED: "A try of an action ended, and not well.",
        EventType.EXECUTION_SUCCEEDED: "An execution ended, its action done.",
        EventType.EXECUTION_FAILED: "An execution ended without its action done; nothing more follows.",
        EventType.EXECUTION_SKIPPED: "Occurrences had no execution, or one that never started.",
        EventType.HISTORY_LOST: "A Scheduler dropped records between two looks at them.",
        EventType.COMMAND_REJECTED: "A message was no command.",
        EventType.DELIVERY_DEADLETTERED: "The delivery of an event was given up.",
        EventType.EVENT_SUBSCRIPTION_TESTED: "Somebody asked for this event, to see it arrive.",
        EventType.EVENT_SUBSCRIPTION_DISABLED: "A sink was gone, or failed for five days.",
    }
)


def event_data_schemas() -> Schemas:
    """Return the schemas of all events' data and their parts, by name; see `schema_name`."""
    schemas = told_schemas(MODELS.values())
    # An answer to a request that names the job may leave the name out; an event is read alone.
    schemas[JOB] = {**schemas[JOB], "required": ["id", "action"]}
    return {name: as_object(opened(schema)) for name, schema in schemas.items()}


def schema_name(event_type: EventType) -> str:
    """Return which of the schemas the data of a type follows."""
    return JOB if event_type in JOB_EVENTS else MODELS[event_type].__name__


def event_schema(event_type: EventType) -> JsonObject:
    """Return the schema of a type's data as a document of its own; members may be added to it, none taken away."""
    schemas = event_data_schemas()
    root = schemas[schema_name(event_type)]
    parts = needed(root, schemas)
    document: JsonObject = {
        "$schema": DIALECT,
        "$id": event_type.dataschema,
        "title": event_type.value,
        "description": WHEN[event_type],
        **root,
    }
    if parts:
        document["$defs"] = {**parts}
    return as_object(referring(document, lambda target: target.replace(REF, "#/$defs/")))


def encoded(document: JsonObject) -> str:
    """Return a schema as text for a file."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
