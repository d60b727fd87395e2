"""The routes of the Scheduler's resources: each row of the catalogue that has one."""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import groupby

from pydantic.alias_generators import to_camel

from shared.contracts.examples import ACCEPTED, BODIES
from shared.contracts.parameters import IF_MATCH, OF_CHANGES, path_parameters, query_parameters
from shared.contracts.routes import Answer, Body, Route
from shared.wire.catalogue import CATALOGUE
from shared.wire.endpoint import Endpoint, ResponseKind
from shared.wire.json_types import JsonObject
from shared.wire.openapi.json_schemas import ref
from shared.wire.openapi.parameters import PARAMETER

WORD = re.compile("(?<=[a-z])(?=[A-Z])")
OWN = "/operations"
"""Operations there are the connector's own, not the Scheduler's."""
PATCHES = {"Job": "JobPatch", "JobCollection": "JobCollectionPatch"}
CHANGED = {
    202: Answer(
        schema=ref("ToldOperation"), headers=("OperationLocation", "RetryAfter"), example=ACCEPTED
    ),
    200: Answer(schema=ref("ToldOperation"), headers=("OperationLocation", "PreferenceApplied")),
}


def array_of(name: str) -> JsonObject:
    return {"type": "array", "items": ref(name)}


FOUND: dict[ResponseKind, JsonObject] = {
    ResponseKind.CLOUD_SERVICE: ref("CloudServiceAnswer"),
    ResponseKind.CLOUD_SERVICES: array_of("CloudServiceAnswer"),
    ResponseKind.JOB_COLLECTION: ref("JobCollectionAnswer"),
    ResponseKind.JOB_COLLECTIONS: array_of("JobCollectionAnswer"),
    ResponseKind.JOB: ref("JobAnswer"),
    ResponseKind.JOBS: array_of("JobAnswer"),
    ResponseKind.JOB_HISTORY: array_of("JobHistoryAnswer"),
    ResponseKind.PROVIDER_PROPERTIES: ref("ProviderProperties"),
    ResponseKind.NAME_AVAILABILITY: ref("NameAvailability"),
    ResponseKind.RESOURCE_PROVIDER: ref("ArmProvider"),
}


def resource_routes() -> Iterator[Route]:
    """Yield a route for each path and method; rows that a header alone tells apart are one."""

    def place(row: Endpoint) -> tuple[str, str]:
        return row.route, row.verb

    rows = sorted((row for row in CATALOGUE.values() if not row.route.startswith(OWN)), key=place)
    for _, group in groupby(rows, key=place):
        yield route_of(list(group))


def route_of(rows: Sequence[Endpoint]) -> Route:
    row = rows[0]
    return Route(
        name="_".join(one.name for one in rows),
        method=row.verb,
        path=PARAMETER.sub(lambda found: f"{{{to_camel(found[1])}}}", row.route),
        summary=" or ".join(WORD.sub(" ", one.name) for one in rows),
        tag="Reads" if row.is_read else "Changes",
        parameters=parameters_of(rows),
        body=body_of(row),
        answers={200: Answer(schema=FOUND[row.response])} if row.is_read else CHANGED,
        errors=errors_of(row),
    )


def parameters_of(rows: Sequence[Endpoint]) -> list[JsonObject]:
    row = rows[0]
    found = path_parameters(row.route)
    if row.query_model is not None:
        found += query_parameters(row.query_model)
    if any(one.conditional for one in rows):
        found.append(IF_MATCH)
    if not row.is_read:
        found += OF_CHANGES
    return found


def body_of(row: Endpoint) -> Body | None:
    if row.request_model is None:
        return None
    name = row.request_model.__name__
    schema = ref(PATCHES[name] if row.merges else name)
    return Body(schema=schema, example=BODIES[row.name])


def errors_of(row: Endpoint) -> list[int]:
    """Return what may be said besides what every route may say; a path of names that cannot be read leads nowhere."""
    found: list[int] = [HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT]
    found += [HTTPStatus.BAD_GATEWAY] * row.is_read
    return found + [HTTPStatus.NOT_IMPLEMENTED] * row.arm_only
