"""One request to the service and its answer, in words of the catalogue instead of ASGI's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from shared.errors import TocsinError
from shared.scheduler.announcements import BY_SCHEDULE
from shared.trace_context import TRACEPARENT, passed_on
from shared.wire.endpoint import Endpoint
from shared.wire.errors import arm_error, json_error, rdfe_error

REQUEST_ID = b"repeatability-request-id"
TRACEPARENT_HEADER = TRACEPARENT.encode()
# Said by the front end before it looks at the path.
FRONT_END_CODES = frozenset({"AuthenticationFailed", "MissingOrIncorrectVersionHeader"})


class Responder(StrEnum):
    """Who of the retired service answered, each with headers and errors of its own (contract sections A.0 and B.0)."""

    FRONT_END = "front end"
    PROVIDER = "provider"
    ARM = "arm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An admitted request; `id` is its `x-ms-request-id`, `path` and `query` are raw.

    `is_repeatable` when the caller may send it again, with the same id, and have it answered as the first time.
    """

    id: str
    endpoint: Endpoint
    subscription: str
    params: Mapping[str, str]
    path: str
    query: str
    headers: Mapping[bytes, bytes]
    body: bytes = field(repr=False)
    is_repeatable: bool
    now: datetime

    @property
    def origin(self) -> str:
        """What the caller knows the request by: the id it gave, for a connector that of its operation, or `id`."""
        given = self.headers.get(REQUEST_ID, b"").decode("latin-1") if self.is_repeatable else ""
        return self.id if given in ("", BY_SCHEDULE) else given

    @property
    def traceparent(self) -> str | None:
        """The trace that the caller is in, None without a valid one."""
        given = self.headers.get(TRACEPARENT_HEADER)
        return None if given is None else passed_on(given.decode("latin-1"))


@dataclass(frozen=True, slots=True)
class Target:
    """What an operation goes on with after its effect; `argument` is what else its steps must know."""

    cloud_service_id: int
    job_collection_id: int | None = None
    argument: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and body; code and message are there when it refuses, `repeatability` is `accepted` or `rejected`.

    `headers` are those that are this answer's alone. `next_occurrence` is that of a job that was changed.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    etag: str | None = None
    target: Target | None = None
    next_occurrence: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    repeatability: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Query = Callable[[Connection], Answer]


def refusal(error: TocsinError, *, path: str) -> Answer:
    """Return the answer that tells of `error` in the form of whoever answers at `path`."""
    answer = refused(error.status, error.code, error.message, path=path)
    return replace(answer, headers=error.headers)


def refused(status: int, code: str, message: str, *, path: str) -> Answer:
    """Return what `refusal` does for an error of which this is known."""
    body = error_body(responder_of(path), code, message)
    return Answer(status=status, body=body, error_code=code, error_message=message)


def error_body(responder: Responder, code: str, message: str) -> bytes:
    match responder:
        case Responder.ARM:
            return arm_error(code, message)
        case Responder.PROVIDER if code not in FRONT_END_CODES:
            return json_error(code, message)
        case _:
            return rdfe_error(code, message)


def responder_of(path: str) -> Responder:
    """Return who answers: the front end hands `~` paths to Scheduler itself."""
    if path[:15].lower() == "/subscriptions/":
        return Responder.ARM
    # After the subscription, the cloud service and the provider; elsewhere it is a name like any other.
    is_passed_through = path.split("/", 7)[6:7] in (["~"], ["%7e"], ["%7E"])
    return Responder.PROVIDER if is_passed_through else Responder.FRONT_END
