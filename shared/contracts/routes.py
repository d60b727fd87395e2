"""What OpenAPI says of one route of the connector, whoever fills it in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from shared.contracts.examples import REFUSED
from shared.wire.json_types import Json, JsonObject
from shared.wire.openapi.json_schemas import ref

JSON = "application/json"
TEXT: JsonObject = {"type": "string"}
HEADERS: JsonObject = {
    "RequestId": {
        "description": "What to quote when asking about this answer.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "OperationLocation": {
        "description": "Where to watch the operation.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
    "RetryAfter": {
        "description": "Seconds to wait before looking again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "PreferenceApplied": {
        "description": "There when the wait that was asked for was granted.",
        "schema": {"type": "string", "pattern": "^wait=[0-9]+$"},
    },
    "ETag": {"description": "What If-Match and If-None-Match compare.", "schema": {**TEXT}},
    "WwwAuthenticate": {
        "description": "How to get a bearer token, or what is wrong with it.",
        "schema": {**TEXT},
    },
}
HEADER_NAMES = {
    "RequestId": "x-ms-request-id",
    "OperationLocation": "Operation-Location",
    "RetryAfter": "Retry-After",
    "PreferenceApplied": "Preference-Applied",
    "ETag": "ETag",
    "WwwAuthenticate": "WWW-Authenticate",
}
# What each function says before it looks at its own business: to callers whom it does not know, and in need.
BEFORE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
OF_ERRORS: Mapping[int, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WwwAuthenticate",),
    HTTPStatus.TOO_MANY_REQUESTS: ("RetryAfter",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("RetryAfter",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success: what it holds (None: nothing), and which of `HEADERS` it has besides the request's id."""

    schema: JsonObject | None = None
    headers: tuple[str, ...] = ()
    example: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request holds, with an example that is taken; `is_required` where there is no request without it."""

    schema: JsonObject
    example: Json
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path below `/api`; `errors` come besides those of `BEFORE`."""

    name: str
    method: str
    path: str
    summary: str
    tag: str
    parameters: Sequence[JsonObject] = ()
    body: Body | None = None
    answers: Mapping[int, Answer]
    errors: Sequence[int] = ()
    is_open: bool = False
    """Whether anybody may call it, without a key."""

    def document(self) -> JsonObject:
        """Return the operation object."""
        found: JsonObject = {
            "operationId": self.name,
            "summary": self.summary,
            "tags": [self.tag],
            "parameters": [*self.parameters],
            "responses": {**self._responses()},
        }
        if self.is_open:
            found["security"] = []
        if self.body is not None:
            content: JsonObject = {"schema": self.body.schema, "example": self.body.example}
            found["requestBody"] = {"required": self.body.is_required, "content": {JSON: content}}
        return found

    def _responses(self) -> JsonObject:
        before = {HTTPStatus.INTERNAL_SERVER_ERROR} if self.is_open else {*BEFORE}
        too_large = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE} if self.body else set()
        failures = sorted({*before, *too_large, *self.errors} - self.answers.keys())
        return {
            **{str(status): success(status, answer) for status, answer in self.answers.items()},
            **{str(int(status)): error(status) for status in failures},
        }


def success(status: int, answer: Answer) -> JsonObject:
    found = described(status, *answer.headers)
    if answer.schema is not None:
        found["content"] = {JSON: shown(answer.schema, answer.example)}
    return found


def error(status: int) -> JsonObject:
    found: JsonObject = {
        **described(status, *OF_ERRORS.get(status, ())),
        "content": {
            JSON: shown(
                ref("ConnectorError"), REFUSED if status == HTTPStatus.BAD_REQUEST else None
            )
        },
    }
    if status == HTTPStatus.UNAUTHORIZED:
        found["description"] = (
            "No key, or one that does not open this function: the host says so, without a body. "
            "Or no bearer token where one is asked for."
        )
    return found


def shown(schema: JsonObject, example: Json) -> JsonObject:
    return {"schema": schema} if example is None else {"schema": schema, "example": example}


def described(status: int, *headers: str) -> JsonObject:
    named = ("RequestId", *headers)
    references: JsonObject = {
        HEADER_NAMES[name]: {"$ref": f"#/components/headers/{name}"} for name in named
    }
    return {"description": HTTPStatus(status).phrase, "headers": references}
