"""The form of every wire model, and reading one with all its faults."""

import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from shared.errors import InvalidRequestError
from shared.wire.faults import faults_of
from shared.wire.json_types import Json, JsonObject

REVEAL = "reveal"
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def check_characters(text: str) -> str:
    """Refuse text that XML cannot hold."""
    if NOT_IN_XML.search(text):
        raise PydanticCustomError("characters", "must not contain control characters")
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


ModelT = TypeVar("ModelT", bound=WireModel)


def read(model: type[ModelT], document: Json, *, path: str = "$") -> ModelT:
    """Return `document` as `model`.

    Raises:
        InvalidRequestError: with every fault; `path` is where the document stands in the request.
    """
    try:
        return model.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidRequestError(faults_of(error, path=path)) from None


def read_json(model: type[ModelT], content: bytes) -> ModelT:
    """Return JSON text as `model`, parsed and checked in one pass.

    Raises:
        InvalidRequestError: with every fault.
    """
    try:
        return model.model_validate_json(content, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidRequestError(faults_of(error)) from None
