"""The JSON bodies of ARM, and the errors of both surfaces that are JSON (contract sections B.0, B.2, B.3 and B.5)."""

from shared.wire.arm_ids import COLLECTION_TYPE, HISTORY_TYPE, JOB_TYPE
from shared.wire.json_types import Json, JsonObject
from shared.wire.openapi.json_schemas import ref

TEXT: JsonObject = {"type": "string"}
INSTANT: JsonObject = {"type": "string", "format": "date-time"}
COUNT: JsonObject = {"type": "integer", "minimum": 0}


def closed(members: dict[str, JsonObject], *optional: str) -> JsonObject:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": dict(members),
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def resource(type_name: str, properties: JsonObject) -> JsonObject:
    return closed(
        {
            "id": TEXT,
            "type": {"type": "string", "const": type_name},
            "name": TEXT,
            "properties": properties,
        }
    )


def list_of(item: str) -> JsonObject:
    """Return the schema of a list; there never is a next page (OPEN-QUESTIONS 28)."""
    return closed({"value": {"type": "array", "items": ref(item)}, "nextLink": {"type": "null"}})


def arm_schemas(schemas: JsonObject) -> JsonObject:
    """Return the bodies of ARM; `schemas` has those of the classic surface's jobs."""
    return {
        "ArmJob": {
            "type": "object",
            "properties": {
                "id": TEXT,
                "type": TEXT,
                "name": TEXT,
                "properties": without(schemas["Job"], "id"),
            },
            "required": ["properties"],
            "additionalProperties": False,
        },
        "ArmJobPatch": {
            "type": "object",
            "properties": {
                "id": TEXT,
                "type": TEXT,
                "name": TEXT,
                "properties": without(schemas["JobPatch"], "id"),
            },
            "required": ["properties"],
            "additionalProperties": False,
        },
        "ArmJobAnswer": resource(JOB_TYPE, without(schemas["JobAnswer"], "id")),
        "ArmJobs": list_of("ArmJobAnswer"),
        "ArmJobHistoryAnswer": resource(HISTORY_TYPE, ARM_RECORD),
        "ArmJobHistory": list_of("ArmJobHistoryAnswer"),
        "ArmJobCollectionAnswer": ARM_COLLECTION,
        "ArmJobCollections": list_of("ArmJobCollectionAnswer"),
        "ArmProvider": ARM_PROVIDER,
        "ArmGroup": {
            "type": "object",
            "properties": {"location": TEXT},
            "required": ["location"],
        },
        "ArmGroupAnswer": ARM_GROUP,
        "ArmGroups": closed({"value": {"type": "array", "items": ref("ArmGroupAnswer")}}),
        "JsonError": JSON_ERROR,
    }


def without(schema: Json, name: str) -> JsonObject:
    """Return an object's schema without one of its members."""
    assert isinstance(schema, dict), "a schema is an object"
    members = schema["properties"]
    assert isinstance(members, dict), "it has members"
    result: JsonObject = {**schema, "properties": {k: v for k, v in members.items() if k != name}}
    if isinstance(required := schema.get("required"), list):
        result["required"] = [one for one in required if one != name]
    return result


JSON_ERROR = closed({"error": closed({"code": TEXT, "message": TEXT})})
# `status` is there only when it is not "completed".
ARM_RECORD = closed(
    {
        "startTime": INSTANT,
        "endTime": INSTANT,
        "expectedExecutionTime": INSTANT,
        "status": {"type": "string", "enum": ["failed", "postponed"]},
        "message": TEXT,
        "retryCount": COUNT,
        "repeatCount": {"type": "integer", "minimum": 1},
        "actionName": ref("ActionNameAnswer"),
    },
    "status",
)
ARM_COLLECTION = closed(
    {
        "id": TEXT,
        "type": {"type": "string", "const": COLLECTION_TYPE},
        "name": TEXT,
        "location": TEXT,
        "tags": {"type": "object", "additionalProperties": TEXT},
        "properties": closed(
            {
                "sku": closed({"name": ref("Plan")}),
                "state": ref("CollectionState"),
                "quota": ref("Quota"),
            },
            "quota",
        ),
    },
    "tags",
)
ARM_GROUP = closed(
    {
        "id": TEXT,
        "name": TEXT,
        "location": TEXT,
        "properties": closed(
            {"provisioningState": {"type": "string", "enum": ["Succeeded", "Deleting"]}}
        ),
    }
)
ARM_PROVIDER = closed(
    {
        "id": TEXT,
        "namespace": TEXT,
        "registrationState": TEXT,
        "resourceTypes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "resourceType": TEXT,
                    "locations": {"type": "array", "items": TEXT},
                    "apiVersions": {"type": "array", "items": TEXT},
                },
                "required": ["resourceType", "locations", "apiVersions"],
            },
        },
    },
)
