"""JSON schemas by name: of models, of the wire's requests and answers; and which of them a document needs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from shared.wire.json_types import Json, JsonObject
from shared.wire.model import WireModel
from shared.wire.openapi.json_schemas import (
    ANSWER,
    REF,
    answer_schemas,
    schemas_of,
    tidied,
    without_secrets,
)

Schemas: TypeAlias = dict[str, JsonObject]


def told_schemas(models: Iterable[type[WireModel]]) -> Schemas:
    """Return what answers and events hold: the wire's parts under their names there, and `models` under their own."""
    found: Schemas = {name: as_object(schema) for name, schema in answer_schemas().items()}
    for model in models:
        for name, schema in schemas_of(model, "serialization").items():
            if f"{name}{ANSWER}" not in found:
                found[name] = without_secrets(tidied(schema))

    def leading(target: str) -> str:
        is_known = target.removeprefix(REF) in found
        return target if is_known else target.removesuffix(ANSWER)

    return {name: as_object(referring(schema, leading)) for name, schema in found.items()}


def needed(document: Json, schemas: Mapping[str, JsonObject]) -> Schemas:
    """Return those of the schemas that `document` refers to, and those that these need, by name."""
    found, waiting = set[str](), [*references(document)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return {name: schemas[name] for name in sorted(found)}


def references(value: Json) -> Iterator[str]:
    """Yield the name of each schema that is referred to."""
    match value:
        case {"$ref": str(target)} if target.startswith(REF):
            yield target.removeprefix(REF)
        case dict():
            for one in value.values():
                yield from references(one)
        case list():
            for one in value:
                yield from references(one)
        case _:
            return


def referring(value: Json, lead: Callable[[str], str]) -> Json:
    """Return a schema whose references go where `lead` says."""

    def change(schema: JsonObject) -> JsonObject:
        target = schema.get("$ref")
        return {**schema, "$ref": lead(target)} if isinstance(target, str) else schema

    return each_object(value, change)


def opened(value: Json) -> Json:
    """Return a schema that allows further members, so that who reads by it can read what comes after it."""

    def change(schema: JsonObject) -> JsonObject:
        if schema.get("additionalProperties") is not False:
            return schema
        return {name: one for name, one in schema.items() if name != "additionalProperties"}

    return each_object(value, change)


def each_object(value: Json, change: Callable[[JsonObject], JsonObject]) -> Json:
    """Return `value` with each object in it changed, the innermost first."""
    match value:
        case dict():
            return change({name: each_object(one, change) for name, one in value.items()})
        case list():
            return [each_object(one, change) for one in value]
        case _:
            return value


def as_object(value: Json) -> JsonObject:
    """Return a schema as the object that it is."""
    assert isinstance(value, dict), "a schema is an object"
    return value


def as_list(value: Json) -> list[Json]:
    """Return a list of a schema as the list that it is."""
    assert isinstance(value, list), "choices and names are lists"
    return value
