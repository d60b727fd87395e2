"""Names of members in the model's own spelling: the retired service read JSON names ignoring case, and clients rely on
it (its own SDK sent `Occurrence`).

Free-form maps such as `headers` hold the caller's names and keep them.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from shared.wire.json_types import Json, JsonObject

Models = tuple[type[BaseModel], ...]
Location = tuple[str | int, ...]


@dataclass(slots=True)
class Spelling:
    """What became of a document: whether a name was changed, and the places of members that are there twice."""

    is_changed: bool = False
    twice: list[Location] = field(default_factory=list)


def respelled(model: type[BaseModel], document: JsonObject) -> tuple[JsonObject, Spelling]:
    """Return `document` with every member that `model` knows as the model writes it; of two equal ones the last counts.

    Names that no model knows are left to be refused.
    """
    spelling = Spelling()
    return _object((model,), document, (), spelling), spelling


def without_nulls(model: type[BaseModel], document: JsonObject) -> JsonObject:
    """Return `document`, its names as `model` spells them, without what is null; free-form maps keep theirs."""
    return _present((model,), document)


def _object(models: Models, document: JsonObject, at: Location, spelling: Spelling) -> JsonObject:
    members = _members(models)
    result: JsonObject = {}
    for given, value in document.items():
        name, nested = members.get(given.lower(), (given, ()))
        if name in result:
            spelling.twice.append((*at, name))
        spelling.is_changed |= name != given
        result[name] = _value(nested, value, (*at, name), spelling)
    return result


def _value(models: Models, value: Json, at: Location, spelling: Spelling) -> Json:
    if not models:
        return value
    if isinstance(value, dict):
        return _object(models, value, at, spelling)
    if isinstance(value, list):
        items = enumerate(value)
        return [_value(models, item, (*at, index), spelling) for index, item in items]
    return value


def _present(models: Models, document: JsonObject) -> JsonObject:
    members = _members(models)
    return {
        name: _present_value(members.get(name.lower(), (name, ()))[1], value)
        for name, value in document.items()
        if value is not None
    }


def _present_value(models: Models, value: Json) -> Json:
    if models and isinstance(value, dict):
        return _present(models, value)
    if models and isinstance(value, list):
        return [_present_value(models, item) for item in value]
    return value


@lru_cache(maxsize=256)
def _members(models: Models) -> dict[str, tuple[str, Models]]:
    """Return by folded name how a member is written and what it may hold; of alternatives the members of all."""
    found: dict[str, tuple[str, Models]] = {}
    for model in models:
        for name, member in model.model_fields.items():
            written = member.alias or name
            _, before = found.get(written.lower(), (written, ()))
            nested = dict.fromkeys((*before, *_models_in(member.annotation)))
            found[written.lower()] = written, tuple(nested)
    return found


def _models_in(annotation: Any) -> Models:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(model for part in get_args(annotation) for model in _models_in(part))
