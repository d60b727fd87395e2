"""The routes of the connector itself: commands, operations, events, health, and these documents."""

from http import HTTPStatus

from shared.contracts.examples import COMMAND
from shared.contracts.parameters import (
    IF_NONE_MATCH,
    OF_CHANGES,
    identified,
    in_query,
    whole,
)
from shared.contracts.routes import TEXT, Answer, Body, Route
from shared.events.filters import TYPE_FILTERS
from shared.events.queries import LARGEST_NUMBER, LONGEST_PAGE, LONGEST_WAIT
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import MAX_COMMANDS
from shared.wire.json_types import JsonObject
from shared.wire.openapi.json_schemas import ref

OPERATION_ID = identified("id", "The operation's id.", "00000000000000000000000000000001")
STATUSES = ("NotStarted", "Running", "Succeeded", "Failed", "Canceled")
NUMBER = whole(0, LARGEST_NUMBER)
OF_TYPE: JsonObject = {"type": "string", "enum": [*TYPE_FILTERS]}
INSTANT: JsonObject = {"type": "string", "format": "date-time"}
MONITORED = Answer(schema=ref("ToldOperation"), headers=("RetryAfter",))
COMMANDS: JsonObject = {
    "oneOf": [
        ref("Command"),
        {"type": "array", "items": ref("Command"), "minItems": 1, "maxItems": MAX_COMMANDS},
    ]
}
COMMAND_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "enum": [*CATALOGUE]},
        "resource": {"type": "string", "pattern": "^/"},
        "body": {"type": ["object", "null"]},
        "query": {"type": ["object", "null"], "additionalProperties": TEXT},
        "ifMatch": {"type": ["string", "null"]},
        "deadline": {
            "type": ["string", "null"],
            "description": "An ISO 8601 duration, at most PT24H.",
        },
    },
    "required": ["command", "resource"],
    "additionalProperties": False,
}
"""What a command is whichever it is; AsyncAPI has each with its own body."""
A_DOCUMENT = Answer(schema={"type": "object"}, headers=("ETag",))

OWN_ROUTES = (
    Route(
        name="SubmitCommands",
        method="POST",
        path="/commands",
        summary="Submit one command, or an array of which all are accepted or none",
        tag="Changes",
        parameters=OF_CHANGES,
        body=Body(schema=COMMANDS, example=COMMAND),
        answers={
            202: Answer(
                schema={"oneOf": [ref("ToldOperation"), ref("AcceptedCommands")]},
                headers=("RetryAfter",),
            ),
            200: Answer(
                schema={"oneOf": [ref("ToldOperation"), ref("AcceptedCommands")]},
                headers=("PreferenceApplied",),
            ),
        },
        errors=(HTTPStatus.CONFLICT, HTTPStatus.NOT_IMPLEMENTED),
    ),
    Route(
        name="ListOperations",
        method="GET",
        path="/operations",
        summary="List operations, the newest first",
        tag="Operations",
        parameters=(
            in_query(
                "status",
                {"type": "string", "pattern": f"^({'|'.join(STATUSES)})$"},
                "One status, or several with commas between.",
            ),
            in_query(
                "resource", {"type": "string", "pattern": "^/"}, "A path; what is below it too."
            ),
            in_query("since", INSTANT, "Those that were requested from then on."),
            in_query(
                "limit", {"type": "integer", "minimum": 1, "maximum": 100}, "At most so many."
            ),
            in_query("before", TEXT, "As a nextLink has it."),
        ),
        answers={200: Answer(schema=ref("OperationPage"))},
    ),
    Route(
        name="GetOperation",
        method="GET",
        path="/operations/{id}",
        summary="Say how far an operation is",
        tag="Operations",
        parameters=OPERATION_ID,
        answers={200: MONITORED},
        errors=(HTTPStatus.NOT_FOUND,),
    ),
    Route(
        name="GetOperationResult",
        method="GET",
        path="/operations/{id}/result",
        summary="Get the result of an operation that succeeded",
        tag="Operations",
        parameters=OPERATION_ID,
        answers={200: Answer(schema={})},
        errors=(HTTPStatus.NOT_FOUND,),
    ),
    Route(
        name="CancelOperation",
        method="POST",
        path="/operations/{id}/cancel",
        summary="Cancel an operation that has not started",
        tag="Operations",
        parameters=OPERATION_ID,
        answers={200: MONITORED},
        errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Route(
        name="ListEvents",
        method="GET",
        path="/events",
        summary="Page through the event log, or wait for what comes next",
        tag="Events",
        parameters=(
            in_query("since", NUMBER, "Events with a sequence above it."),
            in_query("limit", whole(1, LONGEST_PAGE), "At most so many."),
            in_query("wait", whole(0, LONGEST_WAIT), "Seconds to wait, where there is none."),
            in_query("type", OF_TYPE, "A type, or a prefix such as tocsin.job.*, or *."),
        ),
        answers={200: Answer(schema=ref("EventPage"))},
    ),
    Route(
        name="GetHealth",
        method="GET",
        path="/health",
        summary="Say whether the connector works, or waits for its Scheduler",
        tag="Service",
        answers={
            200: Answer(schema=ref("HealthReport")),
            503: Answer(schema=ref("HealthReport")),
        },
        is_open=True,
    ),
    Route(
        name="GetOpenApi",
        method="GET",
        path="/openapi.json",
        summary="Get this document",
        tag="Service",
        parameters=(IF_NONE_MATCH,),
        answers={200: A_DOCUMENT, 304: Answer(headers=("ETag",))},
    ),
    Route(
        name="GetAsyncApi",
        method="GET",
        path="/asyncapi.json",
        summary="Get the AsyncAPI document of the queues, the topic and the webhooks",
        tag="Service",
        parameters=(IF_NONE_MATCH,),
        answers={200: A_DOCUMENT, 304: Answer(headers=("ETag",))},
    ),
)
