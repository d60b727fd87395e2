"""The documents as they are served: made once in a process, and known by their content."""

import hashlib
from dataclasses import dataclass
from functools import cache

from pydantic_core import to_json

from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.openapi import openapi_document
from shared.wire.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class ServedDocument:
    """A document as bytes, and its strong ETag, quotes included."""

    content: bytes
    etag: str

    def is_known(self, if_none_match: str | None) -> bool:
        """Whether the caller has it already; the header may name several ETags, weak ones too (RFC 9110, 13.1.2)."""
        given = [one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")]
        return self.etag in given or given == ["*"]


@cache
def served_openapi() -> ServedDocument:
    return served(openapi_document())


@cache
def served_asyncapi() -> ServedDocument:
    return served(asyncapi_document())


def served(document: JsonObject) -> ServedDocument:
    content = to_json(document)
    return ServedDocument(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
