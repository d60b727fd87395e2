"""What a job does: an HTTP call, how often it is tried again, and what is done when all tries failed."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
)
from pydantic_core import PydanticCustomError

from shared.wire.model import REVEAL, WireModel
from shared.wire.times import Duration, format_time_span
from shared.wire.words import word_reader

MAX_HEADERS = 50
MAX_HEADER_CHARACTERS = 4096
MIN_RETRY_INTERVAL = timedelta(seconds=15)
MAX_RETRY_INTERVAL = timedelta(days=548)  # 18 months
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CONTROL_BUT_TAB = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class ActionType(StrEnum):
    """Type and URI scheme are not cross-checked: the recorded service did not."""

    HTTP = "http"
    HTTPS = "https"


class AuthenticationType(StrEnum):
    """Answered in this spelling on every surface."""

    BASIC = "Basic"


class RetryType(StrEnum):
    NONE = "none"
    FIXED = "fixed"


def _reveal(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if info.context == REVEAL else str(secret)


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


def _check_user_name(name: str) -> str:
    # RFC 7617: what follows the first colon is the password.
    if ":" in name or CONTROL.search(name):
        raise PydanticCustomError("username", "must not contain a colon or control characters")
    return name


def _check_retry_interval(interval: timedelta) -> timedelta:
    if not MIN_RETRY_INTERVAL <= interval <= MAX_RETRY_INTERVAL:
        raise PydanticCustomError(
            "retry_interval",
            "is {interval}; from {least} to {most} are allowed",
            {
                "interval": format_time_span(interval),
                "least": format_time_span(MIN_RETRY_INTERVAL),
                "most": format_time_span(MAX_RETRY_INTERVAL),
            },
        )
    return interval


Secret = Annotated[SecretStr, PlainSerializer(_reveal)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]
HeaderValue = Annotated[str, AfterValidator(_check_header_value)]


class BasicAuthentication(WireModel):
    """The password goes in and never comes out; answers hold user name and type only."""

    username: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_user_name)]
    password: Secret
    type: Annotated[
        AuthenticationType,
        BeforeValidator(
            word_reader(AuthenticationType, not_yet=("ClientCertificate", "ActiveDirectoryOAuth"))
        ),
    ]


class HttpRequest(WireModel):
    """Method, URI, header names and values are kept exactly as given."""

    uri: Annotated[str, Field(max_length=2048), AfterValidator(_check_uri)]
    method: Annotated[str, Field(max_length=32), AfterValidator(_check_method)]
    headers: Annotated[dict[HeaderName, HeaderValue], AfterValidator(_check_headers)] | None = None
    body: Annotated[str, Field(max_length=8192)] | None = None
    authentication: BasicAuthentication | None = None


class RetryPolicy(WireModel):
    """Absent members mean the defaults of the engine (4 times, 30 s apart)."""

    retry_type: Annotated[RetryType, BeforeValidator(word_reader(RetryType))]
    retry_interval: Annotated[Duration, AfterValidator(_check_retry_interval)] | None = None
    retry_count: Annotated[int, Field(strict=True, ge=1, le=20)] | None = None


ActionWord = Annotated[
    ActionType,
    BeforeValidator(
        word_reader(ActionType, not_yet=("storageQueue", "serviceBusQueue", "serviceBusTopic"))
    ),
]


class ErrorAction(WireModel):
    """What is done once when the action has used up its retries; the action's retry policy serves it too."""

    request: HttpRequest
    type: ActionWord


class JobAction(WireModel):
    request: HttpRequest
    type: ActionWord
    retry_policy: RetryPolicy | None = None
    error_action: ErrorAction | None = None
