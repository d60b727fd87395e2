"""What JSON text becomes in Python, and the one way in."""

from codecs import BOM_UTF8
from typing import TypeAlias

from pydantic_core import from_json

from shared.errors import Fault, InvalidRequestError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, Json]


def parse_json(content: bytes) -> Json:
    """Return what `content` says; NaN, infinities and lone surrogates are no JSON, the last of equal members counts.

    A byte order mark is passed over, as RFC 8259 §8.1 allows: .NET writes one.

    Raises:
        InvalidRequestError: it is not JSON; the fault says where.
    """
    try:
        document: Json = from_json(content.removeprefix(BOM_UTF8), allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequestError([Fault("$", f"is not JSON: {error}")]) from None
    return document
