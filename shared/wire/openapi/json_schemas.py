"""JSON schemas of what callers send and what they are answered, out of the wire models.

Two things no model says of itself: secrets go in and never come out, and the type of an action decides which one
payload it has.
"""

import re
from collections.abc import Iterable
from typing import Literal

from shared.wire.action import PAYLOADS
from shared.wire.arm_collection import CollectionResource
from shared.wire.authentication import TENANT
from shared.wire.job import Job, JobHistory, JobStatus
from shared.wire.job_collection import MAX_COUNT, JobCollection, JobCollectionAnswer
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import WireModel
from shared.wire.queue_action import HOST_NAME
from shared.wire.retry_policy import MAX_RETRY_COUNT

REF = "#/components/schemas/"
ANSWER = "Answer"
ACTIONS = ("JobAction", "ErrorAction")
Mode = Literal["validation", "serialization"]


def whole(pattern: re.Pattern[str]) -> JsonObject:
    return {"pattern": f"^(?:{pattern.pattern})$"}


# What validators check, for readers and for tools that make up requests.
REFINED: dict[tuple[str, str], JsonObject] = {
    ("HttpRequest", "uri"): {"format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^@]+$"},
    ("HttpRequest", "method"): {"pattern": "^[A-Za-z]+$"},
    ("StorageQueueMessage", "storageAccount"): whole(HOST_NAME),
    ("ServiceBusQueueMessage", "namespace"): whole(HOST_NAME),
    ("ServiceBusTopicMessage", "namespace"): whole(HOST_NAME),
    ("ActiveDirectoryOAuthAuthentication", "tenant"): whole(TENANT),
    ("RetryPolicy", "retryCount"): {"minimum": 0, "maximum": MAX_RETRY_COUNT},
    ("Quota", "maxJobCount"): {"minimum": 1, "maximum": MAX_COUNT},
    ("Quota", "maxJobOccurrence"): {"minimum": 1, "maximum": MAX_COUNT},
}


def ref(name: str) -> JsonObject:
    return {"$ref": f"{REF}{name}"}


def request_schemas() -> JsonObject:
    """Return what callers send, by name; an action is one of several, told apart by its type."""
    models = (Job, CollectionResource, JobCollection)
    found = {name: one for each in models for name, one in schemas_of(each, "validation").items()}
    schemas: JsonObject = {name: tidied(schema) for name, schema in found.items()}
    for (name, member), more in REFINED.items():
        schemas[name] = refined(_object(schemas[name]), member, more)
    for name in ACTIONS:
        schemas.update(by_type(name, _object(schemas.pop(name))))
    schemas["JobPatch"] = patch_of(_object(schemas["Job"]))
    del _object(_object(schemas["JobPatch"])["properties"])["status"]
    schemas["CollectionPatch"] = patch_of(_object(schemas["CollectionResource"]))
    schemas["JobCollectionPatch"] = patch_of(_object(schemas["JobCollection"]))
    return schemas


def answer_schemas() -> JsonObject:
    """Return what callers are answered, by name; what is absent there is left out, never null."""
    schemas: JsonObject = {}
    for model in (Job, JobHistory, JobStatus, JobCollectionAnswer):
        for name, schema in schemas_of(model, "serialization").items():
            schemas[answer_name(name)] = without_secrets(tidied(schema))
    job = schemas[f"Job{ANSWER}"]
    assert isinstance(job, dict), "a model's schema is an object"
    members = job["properties"]
    assert isinstance(members, dict), "a model has members"
    del members["stateDetails"]
    members["status"] = ref(f"JobStatus{ANSWER}")
    for type_name in ("ActionType", "AuthenticationType"):
        schemas[f"{type_name}{ANSWER}"] = in_both_spellings(schemas[f"{type_name}{ANSWER}"])
    return schemas


def answer_name(name: str) -> str:
    return name if name.endswith(ANSWER) else f"{name}{ANSWER}"


def schemas_of(model: type[WireModel], mode: Mode) -> dict[str, JsonObject]:
    schema = model.model_json_schema(by_alias=True, mode=mode, ref_template=f"{REF}{{model}}")
    parts: dict[str, JsonObject] = schema.pop("$defs", {})
    return {**parts, model.__name__: schema}


def tidied(schema: JsonObject) -> JsonObject:
    """Return a schema without titles that repeat its names, defaults that only say absent, and notes for ourselves."""
    result: JsonObject = {}
    for name, value in schema.items():
        if name in ("title", "description") or (name == "default" and value is None):
            continue
        if name == "properties" and isinstance(value, dict):
            result[name] = {member: member_of(_object(one)) for member, one in value.items()}
        elif isinstance(value, list):
            result[name] = [tidied(one) if isinstance(one, dict) else one for one in value]
        else:
            result[name] = tidied(value) if isinstance(value, dict) else value
    return result


def member_of(schema: JsonObject) -> JsonObject:
    """Return a member's schema; one that is read and forgotten may hold anything."""
    found = tidied(schema)
    return {} if found == {"type": "null"} else found


def refined(schema: JsonObject, member: str, more: JsonObject) -> JsonObject:
    members = _object(schema["properties"])
    return {**schema, "properties": {**members, member: {**_object(members[member]), **more}}}


def by_type(name: str, schema: JsonObject) -> JsonObject:
    """Return an action as one schema for each payload, and the choice between them under `name`."""
    members = _object(schema["properties"])
    others = {key: one for key, one in members.items() if key not in {*PAYLOADS.values(), "type"}}
    schemas: JsonObject = {}
    mapping: JsonObject = {}
    for payload in dict.fromkeys(PAYLOADS.values()):
        words = [word.value for word, one in PAYLOADS.items() if one == payload]
        of_payload = f"{payload[0].upper()}{payload[1:]}{name}"
        mapping.update({word: f"{REF}{of_payload}" for word in words})
        schemas[of_payload] = {
            "type": "object",
            "properties": {
                payload: not_null(_object(members[payload])),
                "type": {"type": "string", "enum": [*words]},
                **others,
            },
            "required": [payload, "type"],
            "additionalProperties": False,
        }
    schemas[name] = {
        "oneOf": [ref(of_payload) for of_payload in schemas],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return schemas


def patch_of(schema: JsonObject) -> JsonObject:
    """Return what a merge patch of an object may hold: any part of it, and null for what is to go."""
    names = _object(schema["properties"])
    return {
        "type": "object",
        "description": "A merge patch (RFC 7396): objects merge at every level, null removes.",
        "properties": {name: {"description": f"as {name} of the whole"} for name in names},
        "additionalProperties": False,
    }


def without_secrets(schema: JsonObject) -> JsonObject:
    """Return the schema of an answer out of that of a request; its parts are those of answers."""
    if not isinstance(members := schema.get("properties"), dict):
        return _object(_answered(schema))
    kept = {name: one for name, one in members.items() if is_answered(_object(one))}
    result = _object(_answered({**schema, "properties": kept}))
    if isinstance(required := schema.get("required"), list):
        result["required"] = [name for name in required if name in kept]
    return result


def is_answered(schema: JsonObject) -> bool:
    """Whether a member comes out again: no secret, and not one that is read and forgotten."""
    return bool(schema) and not is_secret(schema)


def is_secret(schema: JsonObject) -> bool:
    return schema.get("writeOnly") is True or any(
        isinstance(one, dict) and is_secret(one) for one in _choices(schema)
    )


def not_null(schema: JsonObject) -> JsonObject:
    """Return a schema without the choice of null."""
    if not _choices(schema):
        return schema
    choices = [one for one in _choices(schema) if one != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if len(choices) == 1 and isinstance(choices[0], dict):
        return {**choices[0], **rest}
    return {"anyOf": [*choices], **rest}


def in_both_spellings(schema: Json) -> JsonObject:
    """Return an enumeration in the spelling of both surfaces; ARM's begins with a capital."""
    words = [word for word in _list(_object(schema)["enum"]) if isinstance(word, str)]
    both = dict.fromkeys([*words, *(f"{word[0].upper()}{word[1:]}" for word in words)])
    return {**_object(schema), "enum": [*both]}


def _answered(value: Json) -> Json:
    match value:
        case dict():
            changed = {name: _answered(one) for name, one in not_null(value).items()}
            if isinstance(target := changed.get("$ref"), str):
                changed["$ref"] = f"{target}{ANSWER}"
            changed.pop("default", None)
            return changed
        case list():
            return [_answered(one) for one in value]
        case _:
            return value


def _choices(schema: JsonObject) -> Iterable[Json]:
    return _list(schema.get("anyOf", []))


def _object(value: Json) -> JsonObject:
    assert isinstance(value, dict), "a schema is an object"
    return value


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list), "choices and words are lists"
    return value
