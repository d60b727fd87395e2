"""What requests to the connector carry besides their bodies: names in the path, headers, the query."""

from collections.abc import Sequence

from shared.contracts.schemas import as_object
from shared.trace_context import TRACEPARENT
from shared.wire.endpoint import QueryModel
from shared.wire.json_types import JsonObject
from shared.wire.openapi.json_schemas import not_null, schemas_of, tidied
from shared.wire.openapi.parameters import PARAMETER, header, in_path, parameter

LONGEST_KEY = 256
LONGEST_WAIT = 20
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
    "The same key within 24 hours is the same operation; another request under it is refused.",
)
CORRELATION_ID = header(
    "x-ms-correlation-request-id",
    {"type": "string", "maxLength": 256, "pattern": "^[ -~]*$"},
    "Travels to every event of the operation.",
)
TRACE = header(
    TRACEPARENT,
    {"type": "string"},
    "W3C Trace Context: the trace that calls and events of the operation are in; an invalid one counts as none.",
)
PREFER = header(
    "Prefer",
    {"type": "string", "pattern": "^wait=([0-9]|1[0-9]|20)$"},
    f"wait=N, at most {LONGEST_WAIT}: wait so many seconds for the end, and answer with it.",
)
IF_MATCH = header(
    "If-Match", {"type": "string", "pattern": "^[!-~]+$"}, "The ETag it must still have."
)
IF_NONE_MATCH = header("If-None-Match", {"type": "string"}, "The ETag of what is at hand already.")
OF_CHANGES = (IDEMPOTENCY_KEY, CORRELATION_ID, TRACE, PREFER)


def path_parameters(path: str) -> list[JsonObject]:
    """Return the names in a path of the catalogue."""
    return [in_path(name) for name in PARAMETER.findall(path)]


def query_parameters(model: QueryModel) -> list[JsonObject]:
    """Return the members of a query that the catalogue has a model of."""
    schema = tidied(schemas_of(model, "validation")[model.__name__])
    required = schema.get("required", [])
    assert isinstance(required, list), "names are a list"
    return [
        parameter(name, "query", not_null(as_object(one)), is_required=name in required)
        for name, one in as_object(schema["properties"]).items()
    ]


def in_query(name: str, schema: JsonObject, description: str) -> JsonObject:
    """Return an optional member of the query."""
    return {**parameter(name, "query", schema), "description": description}


def whole(least: int, most: int) -> JsonObject:
    """Return the schema of a whole number in these bounds."""
    return {"type": "integer", "minimum": least, "maximum": most}


def identified(name: str, description: str, example: str) -> Sequence[JsonObject]:
    """Return the one name in the path of something of the connector's own."""
    found = parameter(name, "path", {"type": "string", "minLength": 1})
    return ({**found, "description": description, "example": example},)
