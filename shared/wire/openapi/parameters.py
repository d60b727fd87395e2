"""What a request carries besides its body: names in the path, headers, and members of the query."""

import re
from collections.abc import Sequence

from pydantic.alias_generators import to_camel

from shared.wire.arm_catalogue import API_VERSIONS, is_of_scheduler
from shared.wire.endpoint import Endpoint, ResponseKind, Surface
from shared.wire.json_types import Json, JsonObject
from shared.wire.names import RULES
from shared.wire.openapi.json_schemas import whole
from shared.wire.queries import MAX_HISTORY_TOP, MAX_SKIP, MAX_TOP

PARAMETER = re.compile(r"\{(\w+)\}")
LONGEST_PAGES = {
    (Surface.CLASSIC, ResponseKind.JOBS): MAX_TOP,
    (Surface.ARM, ResponseKind.JOBS): MAX_TOP,
    (Surface.CLASSIC, ResponseKind.JOB_HISTORY): MAX_HISTORY_TOP,
    (Surface.ARM, ResponseKind.JOB_HISTORY): 500,
}
UUID: JsonObject = {"type": "string", "format": "uuid"}
EXAMPLES: dict[str, str] = {
    "subscription": "00000000-0000-0000-0000-000000000001",
    "cloud_service": "cs1",
    "job_collection": "jc1",
    "job": "job1",
    "operation": "00000000000000000000000000000001",
    "provider": "scheduler",
    "operation_result": "00000000-0000-0000-0000-000000000001",
    "thumbprint": "0" * 40,
}


def parameters(rows: Sequence[Endpoint], path: str) -> list[Json]:
    """Return the parameters of an operation; `rows` share method and path and differ in their selectors."""
    row = rows[0]
    found: list[JsonObject] = [in_path(name) for name in PARAMETER.findall(path)]
    found += versions(row)
    found += selectors(rows)
    if (row.surface, row.response) in LONGEST_PAGES and row.method == "GET":
        found += page(row)
    if row.conditional:
        found.append(header("If-Match", {"type": "string"}, "the ETag that it must still have"))
    if not row.is_read:
        found += REPEATABILITY
    return [*found]


def in_path(name: str) -> JsonObject:
    rule = RULES.get(name)
    schema: JsonObject = {"type": "string", **(whole(rule[0]) if rule else {"minLength": 1})}
    found = parameter(to_camel(name), "path", UUID if name == "subscription" else schema)
    if rule:
        found["description"] = rule[1]
    if name in EXAMPLES:
        found["example"] = EXAMPLES[name]
    return found


def versions(row: Endpoint) -> list[JsonObject]:
    if row.surface is Surface.ARM:
        asked = parameter("api-version", "query", arm_version(row), is_required=True)
        return [{**asked, "example": API_VERSIONS[0]}]
    dates: JsonObject = {"type": "string", "format": "date"}
    asked = header("x-ms-version", dates, "2013-03-01 or later")
    asked["required"] = True
    asked["example"] = "2014-10-01"
    if "/~/" not in row.path:
        return [asked]
    return [asked, parameter("api-version", "query", {"type": "string"}, is_required=False)]


def arm_version(row: Endpoint) -> JsonObject:
    """Return the schema of `api-version`: Scheduler has three, the resources API before it any date."""
    if is_of_scheduler(row):
        return {"type": "string", "enum": [*reversed(API_VERSIONS)]}
    return {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d(-preview)?$"}


def selectors(rows: Sequence[Endpoint]) -> list[JsonObject]:
    values: dict[str, list[Json]] = {}
    for row in rows:
        if row.selector is not None:
            values.setdefault(row.selector[0], []).append(row.selector[1])
    found = [
        parameter(name, "query", {"type": "string", "enum": words}, is_required=True)
        for name, words in values.items()
    ]
    for row in rows:
        further = FURTHER.get(row.name, {}) if row.surface is Surface.CLASSIC else {}
        for name, example in further.items():
            if name not in [one["name"] for one in found]:
                more = parameter(name, "query", {"type": "string"}, is_required=True)
                found.append({**more, "example": example})
    return found


# Members of the query that say what is asked about.
FURTHER = {
    "CheckJobCollectionName": {"resourceName": "jc2"},
    "RegisterResourceProvider": {"service": "scheduler.JobCollections"},
    "UnregisterResourceProvider": {"service": "scheduler.JobCollections"},
    "GetResourceProviderProperties": {"resourceType": "JobCollections"},
}


def page(row: Endpoint) -> list[JsonObject]:
    is_history = row.response is ResponseKind.JOB_HISTORY
    member = "status" if is_history else "state"
    words = "completed|failed|postponed" if is_history else "enabled|disabled|completed|faulted"
    filtered: JsonObject = {"type": "string", "pattern": f"^{member} eq ({words})$"}
    most = LONGEST_PAGES[row.surface, row.response]
    return [
        parameter("$top", "query", {"type": "integer", "minimum": 1, "maximum": most}),
        parameter("$skip", "query", {"type": "integer", "minimum": 0, "maximum": MAX_SKIP}),
        parameter("$filter", "query", filtered),
    ]


def header(name: str, schema: JsonObject, description: str) -> JsonObject:
    return {**parameter(name, "header", schema), "description": description}


def parameter(
    name: str, place: str, schema: JsonObject, *, is_required: bool | None = None
) -> JsonObject:
    required = place == "path" if is_required is None else is_required
    return {"name": name, "in": place, "required": required, "schema": schema}


REPEATABILITY = (
    header(
        "Repeatability-Request-ID",
        {"type": "string", "pattern": "^[!-~]{1,128}$"},
        "the same on every attempt: a request already answered is answered again without effect",
    ),
    header(
        "Repeatability-First-Sent",
        {"type": "string", "description": "an HTTP date"},
        "when the first attempt was sent; goes with Repeatability-Request-ID",
    ),
)
