"""The document: every row of both surfaces as an operation, one for each path and method."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from pydantic.alias_generators import to_camel

from shared.wire.arm_catalogue import API_VERSIONS, ARM_ROWS
from shared.wire.catalogue import FRONT_END_JOBS
from shared.wire.classic_catalogue import CLASSIC_ROWS
from shared.wire.endpoint import Endpoint, Surface
from shared.wire.json_types import Json, JsonObject
from shared.wire.openapi.bodies import request_body
from shared.wire.openapi.json_schemas import answer_schemas, ref, request_schemas
from shared.wire.openapi.parameters import PARAMETER, parameters
from shared.wire.openapi.resource_schemas import arm_schemas
from shared.wire.openapi.responses import HEADERS, JSON, XML, responses
from shared.wire.openapi.xml_schemas import XML_SCHEMAS
from shared.wire.routing import PREFIXES

TAGS = {Surface.CLASSIC: "Service Management", Surface.ARM: "Azure Resource Manager"}
SECURITY = {Surface.CLASSIC: "managementCertificate", Surface.ARM: "bearerToken"}
WORD = re.compile("(?<=[a-z])(?=[A-Z])")
SCHEMES: JsonObject = {
    "managementCertificate": {
        "type": "mutualTLS",
        "description": "A client certificate that was uploaded to the subscription.",
    },
    "bearerToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


def openapi_document() -> JsonObject:
    """Return the document; equal for equal catalogues and models."""
    paths: dict[str, JsonObject] = {}
    for path, method, rows in operations():
        spelled = PARAMETER.sub(lambda found: f"{{{to_camel(found[1])}}}", path)
        paths.setdefault(spelled, {})[method] = operation(rows, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin Scheduler",
            "version": API_VERSIONS[0],
            "description": "Azure Scheduler as it was: the classic Service Management surface and that of Azure "
            "Resource Manager, over one store. Words of closed sets and literals of paths are read ignoring case.",
        },
        "servers": [{"url": "https://127.0.0.1:8443"}],
        "tags": [{"name": name} for name in TAGS.values()],
        "paths": {**paths},
        "components": {
            "schemas": component_schemas(),
            "headers": HEADERS,
            "securitySchemes": SCHEMES,
        },
    }


def encode_document() -> str:
    """Return the document as text for a file."""
    return json.dumps(openapi_document(), indent=1, ensure_ascii=False) + "\n"


def operations() -> Iterator[tuple[str, str, list[Endpoint]]]:
    """Yield path, method and rows of each operation; rows that only the query tells apart are one."""

    def place(row: Endpoint) -> tuple[str, str]:
        return f"{PREFIXES[row.surface]}{row.path}", row.method.lower()

    rows = sorted((*CLASSIC_ROWS, *ARM_ROWS), key=place)
    for (path, method), group in groupby(rows, key=place):
        yield path, method, list(group)


def operation(rows: Sequence[Endpoint], path: str) -> JsonObject:
    row = rows[0]
    found: JsonObject = {
        "operationId": operation_id(rows),
        "summary": " or ".join(WORD.sub(" ", one.name) for one in rows),
        "tags": [TAGS[row.surface]],
        "security": [{SECURITY[row.surface]: []}],
        "parameters": parameters(rows, path),
        "responses": responses(rows),
    }
    if (body := request_body(row)) is not None:
        content: JsonObject = {"schema": ref(body.schema)}
        if body.example is not None:
            content["example"] = body.example
        media_type = XML if row.is_xml else JSON
        found["requestBody"] = {"required": True, "content": {media_type: content}}
    return found


def operation_id(rows: Sequence[Endpoint]) -> str:
    row = rows[0]
    names = "_".join(one.name for one in rows)
    # Python's client asks for a name's availability by POST.
    suffix = "_Post" if row.is_read and row.method == "POST" else ""
    if row.path == FRONT_END_JOBS:
        suffix = "_FrontEnd"
    return f"{row.surface.value}_{names}{suffix}"


def component_schemas() -> JsonObject:
    """Return the schemas that are used, by name."""
    schemas: JsonObject = {**request_schemas(), **answer_schemas()}
    schemas["Jobs"] = {"type": "array", "items": ref("JobAnswer")}
    schemas["JobHistory"] = {"type": "array", "items": ref("JobHistoryAnswer")}
    schemas["JobsState"] = {
        "type": "object",
        "properties": {"state": {"type": "string", "enum": ["enabled", "disabled"]}},
        "required": ["state"],
    }
    schemas.update(arm_schemas(schemas))
    schemas.update(XML_SCHEMAS)
    return {name: schemas[name] for name in sorted(used(schemas))}


def used(schemas: JsonObject) -> set[str]:
    """Return the names that operations need, and those that these need."""
    bodies = [operation(rows, path) for path, _, rows in operations()]
    found, waiting = set[str](), [*references([*bodies])]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return found


def references(value: Json) -> Iterator[str]:
    match value:
        case dict():
            target = value.get("$ref")
            if isinstance(target, str) and target.startswith("#/components/schemas/"):
                yield target.rpartition("/")[2]
            for one in value.values():
                yield from references(one)
        case list():
            for one in value:
                yield from references(one)
        case _:
            return
