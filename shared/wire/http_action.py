"""What an HTTP action sends."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.wire.authentication import AnAuthentication
from shared.wire.model import CONTROL, Ignored, WireModel

MAX_HEADERS = 50
MAX_HEADER_CHARACTERS = 4096
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
CONTROL_BUT_TAB = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _check_uri(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise PydanticCustomError("uri", "is no URI: {why}", {"why": str(error)}) from None
    if parts.scheme not in ("http", "https") or not host:
        raise PydanticCustomError("uri", "must be an absolute http or https URI")
    if " " in uri or CONTROL.search(uri):
        raise PydanticCustomError("uri", "must not contain blanks or control characters")
    if "@" in parts.netloc:
        # P8: a URI is answered, logged and put into events; credentials have a place of their own.
        raise PydanticCustomError("uri", "must not contain credentials: use authentication")
    return uri


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    if len(headers) > MAX_HEADERS:
        raise PydanticCustomError(
            "headers",
            "has {count} entries, {limit} are allowed",
            {"count": len(headers), "limit": MAX_HEADERS},
        )
    length = sum(map(len, headers)) + sum(map(len, headers.values()))
    if length > MAX_HEADER_CHARACTERS:
        raise PydanticCustomError(
            "headers",
            "has {length} characters in all, {limit} are allowed",
            {"length": length, "limit": MAX_HEADER_CHARACTERS},
        )
    return headers


def _check_header_name(name: str) -> str:
    if TOKEN.fullmatch(name) is None:
        raise PydanticCustomError("header_name", "is no header name")
    return name


def _check_header_value(value: str) -> str:
    if CONTROL_BUT_TAB.search(value):
        raise PydanticCustomError("header_value", "must not contain control characters")
    return value


def _check_method(method: str) -> str:
    if TOKEN.fullmatch(method) is None:
        raise PydanticCustomError("method", "must be an HTTP method such as POST")
    return method


HeaderName = Annotated[str, AfterValidator(_check_header_name)]
HeaderValue = Annotated[str, AfterValidator(_check_header_value)]


class HttpRequest(WireModel):
    """Method, URI, header names and values are kept exactly as given."""

    uri: Annotated[str, Field(max_length=2048), AfterValidator(_check_uri)]
    method: Annotated[str, Field(max_length=32), AfterValidator(_check_method)]
    headers: Annotated[dict[HeaderName, HeaderValue], AfterValidator(_check_headers)] | None = None
    body: Annotated[str, Field(max_length=8192)] | None = None
    authentication: AnAuthentication | None = None
    # The first preview SDK sent its credentials under this name; the service never looked at them.
    http_authentication: Ignored = None
