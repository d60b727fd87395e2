"""The form of every wire model, and reading one with all its faults."""

import re
from codecs import BOM_UTF8
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, from_json

from shared.errors import Fault, InvalidRequestError
from shared.wire.faults import faults_of, json_path
from shared.wire.json_types import Json, JsonObject
from shared.wire.member_names import respelled, without_nulls

REVEAL = "reveal"
STORED = "stored"
"""The context of a document of our own, whose secrets are sealed: what only the plain ones can show is not checked."""
PARTIAL = "partial"
"""The context of a patch: what depends on members that may be in the stored document is not checked."""
GIVEN_TWICE = "is given more than once, differing in case"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def check_characters(text: str) -> str:
    """Refuse text that XML cannot hold."""
    if NOT_IN_XML.search(text):
        raise PydanticCustomError("characters", "must not contain control characters")
    return text


def check_plain(text: str) -> str:
    """Refuse text that a header, a path or a form cannot hold as it is."""
    if CONTROL.search(text):
        raise PydanticCustomError("plain", "must not contain control characters")
    return text


class WireModel(BaseModel):
    """Frozen; members are snake_case here and camelCase on the wire; unknown members are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    def document(self) -> JsonObject:
        """Return the normalised JSON form, absent members left out, in the order the service answers in.

        Secrets are in it as plain text: seal, drop or send it, never log it.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, context=REVEAL)


def _reveal(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if info.context == REVEAL else str(secret)


def _forget(_: object) -> None:
    return None


Secret = Annotated[SecretStr, PlainSerializer(_reveal)]
# What clients send and the retired service did not look at; neither stored nor answered.
Ignored = Annotated[None, BeforeValidator(_forget)]
ModelT = TypeVar("ModelT", bound=WireModel)


def read(model: type[ModelT], document: Json, *, path: str = "$") -> ModelT:
    """Return `document` as `model`; names of members are read ignoring case, null is the same as absent.

    Raises:
        InvalidRequestError: with every fault; `path` is where the document stands in the request.
    """
    try:
        return validated(model, document)
    except ValidationError as error:
        faults = faults_of(error, path=path)
    return _read_respelled(model, document, faults, path)


def read_json(model: type[ModelT], content: bytes) -> ModelT:
    """Return JSON text as `model`, parsed and checked in one pass where names are spelled as the model's are.

    Raises:
        InvalidRequestError: with every fault.
    """
    content = content.removeprefix(BOM_UTF8)
    try:
        return model.model_validate_json(content, by_alias=True, by_name=False)
    except ValidationError as error:
        faults = faults_of(error)
    try:
        document: Json = from_json(content)
    except ValueError:
        raise InvalidRequestError(faults) from None
    return _read_respelled(model, document, faults, "$")


def read_stored(model: type[ModelT], document: Json) -> ModelT:
    """Return a document as `document()` made it, its secrets sealed since, or what a patch made of one.

    Raises:
        InvalidRequestError: with every fault, which only a patch can have brought.
    """
    try:
        return validated(model, document, context=STORED)
    except ValidationError as error:
        raise InvalidRequestError(faults_of(error)) from None


def validated(model: type[ModelT], document: object, *, context: str | None = None) -> ModelT:
    """Return `document` as `model`, names as the model spells them.

    Raises:
        ValidationError: with every fault.
    """
    return model.model_validate(document, by_alias=True, by_name=False, context=context)


def respelled_members(
    model: type[WireModel], document: JsonObject, *, path: str = "$"
) -> tuple[JsonObject, tuple[Fault, ...]]:
    """Return `document` with its names as `model` spells them, itself if they are so, and the faults of doing that."""
    changed, spelling = respelled(model, document)
    twice = tuple(Fault(json_path(at, root=path), GIVEN_TWICE) for at in spelling.twice)
    return (changed if spelling.is_changed else document), twice


def _read_respelled(
    model: type[ModelT], document: Json, faults: tuple[Fault, ...], path: str
) -> ModelT:
    """Read once more what was refused with `faults`, if that was because of how its names are spelled, or of nulls."""
    if not isinstance(document, dict):
        raise InvalidRequestError(faults)
    spelled, twice = respelled_members(model, document, path=path)
    changed = without_nulls(model, spelled)
    if changed == document:
        raise InvalidRequestError(faults)
    try:
        found = validated(model, changed)
    except ValidationError as error:
        raise InvalidRequestError((*faults_of(error, path=path), *twice)) from None
    if twice:
        raise InvalidRequestError(twice)
    return found
