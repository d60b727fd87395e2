"""Commands as messages: what each of them holds, and an array of them."""

import re

from pydantic.alias_generators import to_camel

from shared.contracts.examples import BODIES, QUERIES
from shared.contracts.parameters import LONGEST_KEY, query_parameters
from shared.contracts.resource_routes import PATCHES, WORD
from shared.contracts.schemas import Schemas
from shared.trace_context import TRACEPARENT
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import MAX_COMMANDS
from shared.wire.endpoint import Endpoint
from shared.wire.json_types import Json, JsonObject
from shared.wire.openapi.json_schemas import ref
from shared.wire.openapi.parameters import EXAMPLES, PARAMETER

BATCH = "CommandArray"
TEXT: JsonObject = {"type": "string"}
DEADLINE: JsonObject = {
    "type": ["string", "null"],
    "description": "An ISO 8601 duration; default and maximum PT24H; counts from when nothing has to be waited for.",
}
HEADERS: JsonObject = {
    "type": "object",
    "properties": {
        "messageId": {
            **TEXT,
            "maxLength": LONGEST_KEY,
            "description": "The same within 24 hours is the same operation; without it: queue/sequence number.",
        },
        "correlationId": {**TEXT, "description": "Travels to every event of the operation."},
        TRACEPARENT: {
            **TEXT,
            "description": "W3C Trace Context, an application property (or Diagnostic-Id), of SQS an attribute.",
        },
        "replyToSessionId": {**TEXT, "description": "The session id of the reply."},
        "replyTo": {
            **TEXT,
            "description": "A queue that gets the completion event; from the allow-list of the settings.",
        },
        "sessionId": {
            **TEXT,
            "description": "Of commands-ordered: those of one session are accepted in order.",
        },
    },
}


def schema_name(command: str) -> str:
    """Return what the payload of a command is called."""
    return f"{command}Command"


def command_schemas() -> Schemas:
    """Return the payload of each command, and that of an array of them, by name."""
    found = {schema_name(name): payload(row) for name, row in CATALOGUE.items()}
    found[BATCH] = {
        "type": "array",
        "items": {"oneOf": [ref(name) for name in found]},
        "minItems": 1,
        "maxItems": MAX_COMMANDS,
    }
    return found


def command_messages() -> Schemas:
    """Return the message of each command, and that of an array of them, by name."""
    found = {
        name: message(schema_name(name), WORD.sub(" ", name), example(row))
        for name, row in CATALOGUE.items()
    }
    every: list[Json] = [example(CATALOGUE[name]) for name in ("CreateOrUpdateJob", "RunJob")]
    found[BATCH] = message(BATCH, "Commands that are accepted in their order, all or none", every)
    return found


def message(schema: str, summary: str, shown: Json) -> JsonObject:
    return {
        "name": schema,
        "summary": summary,
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/CommandHeaders"},
        "correlationId": {"location": "$message.header#/correlationId"},
        "payload": ref(schema),
        "examples": [{"payload": shown}],
    }


def payload(row: Endpoint) -> JsonObject:
    members: JsonObject = {
        "command": {"type": "string", "const": row.name},
        "resource": {**TEXT, "pattern": pattern(row.resource), "description": row.resource},
        "deadline": DEADLINE,
    }
    required: list[Json] = ["command", "resource"]
    if row.request_model is not None:
        name = row.request_model.__name__
        members["body"] = ref(PATCHES[name] if row.merges else name)
        required.append("body")
    if row.query_model is not None:
        members["query"] = query = query_of(row)
        required += ["query"] if query["required"] else []
    if row.conditional:
        members["ifMatch"] = TEXT
        required.append("ifMatch")
    return {
        "type": "object",
        "properties": members,
        "required": required,
        "additionalProperties": False,
    }


def query_of(row: Endpoint) -> JsonObject:
    """Return the query, whose members are texts in a message, also where they are numbers in a URL."""
    assert row.query_model is not None, "asked only of rows with a query"
    members = query_parameters(row.query_model)
    return {
        "type": "object",
        "properties": {str(one["name"]): TEXT for one in members},
        "required": [one["name"] for one in members if one["required"]],
        "additionalProperties": False,
    }


def pattern(template: str) -> str:
    """Return a pattern of the paths that a template stands for; names in them are percent-encoded."""
    literal = PARAMETER.sub("\0", template)
    return f"^{re.escape(literal)}$".replace("\0", "[^/]+").replace("\\-", "-")


def example(row: Endpoint) -> JsonObject:
    """Return a command that is taken."""
    names = {name: EXAMPLES.get(name, to_camel(name)) for name in PARAMETER.findall(row.resource)}
    found: JsonObject = {"command": row.name, "resource": row.resource.format_map(names)}
    if row.request_model is not None:
        found["body"] = BODIES[row.name]
    if row.name in QUERIES:
        found["query"] = QUERIES[row.name]
    if row.conditional:
        found["ifMatch"] = "*"
    return found
