"""The AsyncAPI 3.0 document of the connector: queues, the topic, webhooks."""

from collections.abc import Iterable

from shared.contracts.command_messages import BATCH, HEADERS, command_messages, command_schemas
from shared.contracts.components import message_schemas
from shared.contracts.event_messages import (
    ENDS,
    HISTORY,
    QUEUE_HEADERS,
    REPLY_HEADERS,
    WEBHOOK_HEADERS,
    event_messages,
    event_name,
    event_schemas,
)
from shared.contracts.openapi import VERSION
from shared.contracts.schemas import Schemas, as_object, each_object, needed
from shared.events.event_types import EventType
from shared.messaging.entities import COMMANDS, COMMANDS_ORDERED, EVENTS, REJECTED
from shared.messaging.entities import HISTORY as HISTORY_QUEUE
from shared.wire.catalogue import CATALOGUE
from shared.wire.json_types import JsonObject
from shared.wire.openapi.json_schemas import ref

TEXT: JsonObject = {"type": "string"}
REJECTED_MESSAGE = "Rejected"
REJECTED_HEADERS: JsonObject = {
    "type": "object",
    "properties": {
        "DeadLetterReason": TEXT,
        "DeadLetterErrorDescription": {**TEXT, "maxLength": 4096},
        "SourceQueue": TEXT,
    },
    "required": ["DeadLetterReason", "DeadLetterErrorDescription", "SourceQueue"],
}
DESCRIPTION = (
    "Commands to Azure Scheduler as messages, and their outcomes as events: CloudEvents 1.0, in structured mode here; "
    "an event subscription in binary mode gets the data alone as the body and the attributes as properties or headers."
)


def asyncapi_document() -> JsonObject:
    """Return the document; equal for equal catalogues and models."""
    messages = {
        **command_messages(),
        **event_messages(),
        REJECTED_MESSAGE: rejected_message(),
    }
    own: Schemas = {
        **command_schemas(),
        **event_schemas(),
        "CommandHeaders": HEADERS,
        "EventHeaders": QUEUE_HEADERS,
        "ReplyHeaders": REPLY_HEADERS,
        "WebhookHeaders": WEBHOOK_HEADERS,
        "RejectedHeaders": REJECTED_HEADERS,
    }
    schemas = needed({**messages}, {**message_schemas(), **own})
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tocsin connector", "version": VERSION, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": SERVERS,
        "channels": channels(),
        "operations": operations(),
        "components": {
            "schemas": {name: plain(schema) for name, schema in schemas.items()},
            "messages": {**messages},
            "securitySchemes": {
                "sas": {
                    "type": "userPassword",
                    "description": "A shared access key, as a connection string of Service Bus has it.",
                }
            },
        },
    }


SERVERS: JsonObject = {
    "namespace": {
        "host": "{namespace}.servicebus.windows.net",
        "protocol": "amqps",
        "protocolVersion": "1.0",
        "description": "The Service Bus namespace of the deployment.",
        "variables": {"namespace": {"description": "Its name."}},
        "security": [{"$ref": "#/components/securitySchemes/sas"}],
    },
    "receiver": {
        "host": "{receiver}",
        "protocol": "https",
        "description": "The host of the URL that an event subscription names.",
        "variables": {"receiver": {"description": "Its name."}},
    },
}


def channels() -> JsonObject:
    commands = [*CATALOGUE, BATCH]
    events = [event_name(one) for one in EventType]
    return {
        "commands": channel(COMMANDS, commands, "Commands; no order between two messages."),
        "commandsOrdered": channel(
            COMMANDS_ORDERED, commands, "Commands; those of one session are accepted in order."
        ),
        "history": channel(HISTORY_QUEUE, [HISTORY], "What an engine tells of jobs."),
        "rejected": channel(REJECTED, [REJECTED_MESSAGE], "Masked copies of what is no command."),
        "replies": channel(
            None,
            [f"Reply{event_name(one)}" for one in ENDS],
            "The queue that a command names as its replyTo.",
        ),
        "events": {
            **channel("{topic}", events, "A topic that gets every event."),
            "parameters": {"topic": {"default": EVENTS, "description": "TOCSIN_EVENTS_TOPIC"}},
        },
        "webhooks": channel(
            None,
            [f"Webhook{name}" for name in events],
            "The URL that an event subscription names; 2xx is delivered, 410 ends it, all else is tried again.",
            server="receiver",
        ),
    }


def channel(
    address: str | None, messages: Iterable[str], description: str, *, server: str = "namespace"
) -> JsonObject:
    return {
        "address": address,
        "description": description,
        "servers": [{"$ref": f"#/servers/{server}"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def operations() -> JsonObject:
    replied: JsonObject = {
        "address": {"location": "$message.header#/replyTo"},
        "channel": {"$ref": "#/channels/replies"},
    }
    return {
        "acceptCommands": {**operation("receive", "commands"), "reply": replied},
        "acceptOrderedCommands": {**operation("receive", "commandsOrdered"), "reply": replied},
        "publishHistory": operation("receive", "history"),
        "keepRejected": operation("send", "rejected"),
        "publishEvents": operation("send", "events"),
        "callWebhooks": {
            **operation("send", "webhooks"),
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        },
    }


def operation(action: str, channel_name: str) -> JsonObject:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel_name}"}}


def rejected_message() -> JsonObject:
    return {
        "name": REJECTED_MESSAGE,
        "summary": "A message that is no command, or no history, without its texts",
        "contentType": "application/json",
        "headers": ref("RejectedHeaders"),
        "payload": {},
    }


def plain(schema: JsonObject) -> JsonObject:
    """Return a schema without OpenAPI's own words: what is one of several is told apart by its type all the same."""

    def change(one: JsonObject) -> JsonObject:
        if not isinstance(one.get("discriminator"), dict):
            return one
        return {name: value for name, value in one.items() if name != "discriminator"}

    return as_object(each_object(schema, change))
