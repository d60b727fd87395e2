"""What may be answered: each success of a row, and each error that it can come to, in the form of whoever answers."""

from collections.abc import Sequence
from http import HTTPStatus

from shared.wire.endpoint import Endpoint, Surface
from shared.wire.json_types import JsonObject
from shared.wire.openapi.bodies import answer_schema
from shared.wire.openapi.json_schemas import ref

GOES_ON = 202
# Said of a passed-through path by the front end, so in XML: certificate and version.
BY_THE_FRONT_END = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN})
XML, JSON = "application/xml", "application/json"
HEADERS: JsonObject = {
    "RequestId": {
        "description": "The request's id; a change is watched under it.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$"},
    },
    "ETag": {
        "description": "What If-Match compares; no quotes around it.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "RepeatabilityResult": {
        "description": "There when the request was repeatable.",
        "schema": {"type": "string", "enum": ["accepted", "rejected"]},
    },
    "Location": {
        "description": "Where the end of what goes on is told.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
    "RetryAfter": {
        "description": "Seconds to wait before looking there.",
        "required": True,
        "schema": {"type": "integer"},
    },
    "WwwAuthenticate": {
        "description": "Bearer, with what is wrong with the token.",
        "schema": {"type": "string"},
    },
}


def responses(rows: Sequence[Endpoint]) -> JsonObject:
    """Return every answer of an operation by its status."""
    successes = {status: row for row in rows for status in successes_of(row)}
    errors = sorted({status for row in rows for status in errors_of(row)})
    found = {str(status): success(successes[status], status) for status in sorted(successes)}
    found.update({str(status): error(rows[0], status) for status in errors})
    return dict(found)


def successes_of(row: Endpoint) -> frozenset[int]:
    """Return the statuses of a row; one that waits is answered 202 when that takes too long, and goes on."""
    return row.success | {GOES_ON} if row.waits else row.success


def errors_of(row: Endpoint) -> list[int]:
    found = [400, 403, 500, 503]
    if row.surface is Surface.ARM:
        found.append(401)
    if "{" in row.path or row.selector is not None:
        found.append(404)
    if not row.is_read:
        found += [409, 412]
    return found


def success(row: Endpoint, status: int) -> JsonObject:
    found: JsonObject = {"description": phrase(status), "headers": headers(row, status)}
    schema = answer_schema(row)
    if schema is not None and not (row.waits and status == GOES_ON):
        found["content"] = {XML if row.is_xml else JSON: {"schema": ref(schema)}}
    return found


def error(row: Endpoint, status: int) -> JsonObject:
    forms: JsonObject = {}
    is_passed_through = "/~/" in row.path
    if row.surface is Surface.ARM or is_passed_through:
        forms[JSON] = {"schema": ref("JsonError")}
    if row.surface is Surface.CLASSIC and (not is_passed_through or status in BY_THE_FRONT_END):
        forms[XML] = {"schema": ref("XmlError")}
    return {"description": phrase(status), "headers": headers(row, status), "content": forms}


def headers(row: Endpoint, status: int) -> JsonObject:
    found: JsonObject = {"x-ms-request-id": header("RequestId")}
    if row.conditional or "cloud_service" in row.response.value:
        found["ETag"] = header("ETag")
    if not row.is_read:
        found["Repeatability-Result"] = header("RepeatabilityResult")
    if row.surface is Surface.ARM and status == GOES_ON:
        found["Location"] = header("Location")
        found["Retry-After"] = header("RetryAfter")
    if status == HTTPStatus.UNAUTHORIZED:
        found["WWW-Authenticate"] = header("WwwAuthenticate")
    return found


def header(name: str) -> JsonObject:
    return {"$ref": f"#/components/headers/{name}"}


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase
