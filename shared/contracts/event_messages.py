"""Events as messages: to a topic or queue, to a webhook, and told by an engine."""

from pydantic.alias_generators import to_pascal

from shared.contracts.envelope import envelope
from shared.contracts.event_schemas import WHEN, schema_name
from shared.contracts.schemas import Schemas
from shared.events.batch import CONTENT_TYPE as BATCH_CONTENT_TYPE
from shared.events.cloudevent import CONTENT_TYPE
from shared.events.event_types import EventType
from shared.wire.json_types import JsonObject
from shared.wire.openapi.json_schemas import ref

TEXT: JsonObject = {"type": "string"}
HISTORY = "History"
TOLD_BY_AN_ENGINE = tuple(
    one
    for one in EventType
    if one.startswith(("tocsin.job.", "tocsin.attempt.", "tocsin.execution."))
)
WEBHOOK_HEADERS: JsonObject = {
    "type": "object",
    "description": "Standard Webhooks, https://www.standardwebhooks.com",
    "properties": {
        "webhook-id": {**TEXT, "description": "The same at every attempt."},
        "webhook-timestamp": {**TEXT, "pattern": "^[0-9]+$", "description": "Seconds since 1970."},
        "webhook-signature": {
            **TEXT,
            "description": "For each secret: v1, and base64 of HMAC-SHA256 over id.timestamp.body; blanks between.",
        },
    },
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
}
QUEUE_HEADERS: JsonObject = {
    "type": "object",
    "description": "Besides, each attribute is an application property, cloudEvents: before its name.",
    "properties": {
        "messageId": {
            **TEXT,
            "description": "The event's id, or its SHA-256 where that is longer than 128.",
        },
        "subject": {**TEXT, "description": "The event's subject."},
        "correlationId": {**TEXT, "description": "The event's correlationid."},
    },
}
REPLY_HEADERS: JsonObject = {
    "type": "object",
    "properties": {
        "messageId": {**TEXT, "description": "The event's id."},
        "subject": {**TEXT, "description": "The event's type."},
        "correlationId": {
            **TEXT,
            "description": "The command's correlation id, or else its message id.",
        },
        "sessionId": {**TEXT, "description": "The command's replyToSessionId, where it has one."},
    },
}
ENDS = (
    EventType.OPERATION_SUCCEEDED,
    EventType.OPERATION_FAILED,
    EventType.OPERATION_CANCELED,
)


def event_name(event_type: EventType) -> str:
    """Return what an event of a type is called: `JobCreated`."""
    return to_pascal(event_type.value.removeprefix("tocsin.").replace(".", "_"))


def event_schemas() -> Schemas:
    """Return the payload of each event in structured mode, of a reply, and of a batch that an engine tells, by name."""
    found = {event_name(one): payload(one, is_numbered=True) for one in EventType}
    found |= {f"Reply{event_name(one)}": payload(one) for one in ENDS}
    told = [f"Told{event_name(one)}" for one in TOLD_BY_AN_ENGINE]
    found |= {f"Told{event_name(one)}": payload(one) for one in TOLD_BY_AN_ENGINE}
    found[HISTORY] = {"type": "array", "items": {"oneOf": [ref(name) for name in told]}}
    return found


def payload(event_type: EventType, *, is_numbered: bool = False) -> JsonObject:
    """Return an event as one JSON document; the log gives it its number."""
    members: JsonObject = {
        "type": {"type": "string", "const": event_type.value},
        "dataschema": {"type": "string", "const": event_type.dataschema},
    }
    found = envelope(ref(schema_name(event_type)), members, is_numbered=is_numbered)
    return {**found, "description": WHEN[event_type]}


def event_messages() -> Schemas:
    """Return the messages of each event: to a queue or topic under its name, others with a word before it."""
    found: Schemas = {}
    for one in EventType:
        name = event_name(one)
        found[name] = message(one, "EventHeaders")
        found[f"Webhook{name}"] = message(one, "WebhookHeaders")
    for one in ENDS:
        reply = f"Reply{event_name(one)}"
        found[reply] = {**message(one, "ReplyHeaders"), "payload": ref(reply)}
    found[HISTORY] = {
        "name": HISTORY,
        "summary": "What an engine tells, as a batch",
        "contentType": BATCH_CONTENT_TYPE,
        "payload": ref(HISTORY),
    }
    return found


def message(event_type: EventType, headers: str) -> JsonObject:
    return {
        "name": event_type.value,
        "summary": WHEN[event_type],
        "contentType": CONTENT_TYPE,
        "headers": ref(headers),
        "payload": ref(event_name(event_type)),
    }
