"""The only file that knows both the Functions types and ours."""

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import azure.functions as func

from functions.callers import admit
from shared.bootstrap import new_id
from shared.connector.listing import OperationPage, next_query
from shared.connector.operations import Operation
from shared.connector.rejection import QueueMessage
from shared.errors import (
    Fault,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    TocsinError,
    TransientError,
)
from shared.messaging.wake_up import WakeUp
from shared.storable import is_storable
from shared.trace_context import TRACEPARENT
from shared.wire.commands import (
    MAX_MESSAGE_BYTES,
    Command,
    parse_commands,
    request_command,
    request_query,
)
from shared.wire.endpoint import Endpoint
from shared.wire.errors import json_error
from shared.wire.json_types import Json
from shared.wire.queries import OF_THE_PLATFORM
from shared.wire.routing import Match, MethodNotAllowed, connector_router

logger = logging.getLogger(__name__)

ROUTER = connector_router()
JSON = "application/json; charset=utf-8"
LONGEST_ECHO = 200
TRACE_PROPERTIES = (TRACEPARENT, "Diagnostic-Id")
"""The SDKs of Azure write both, older ones the second alone."""

HttpFunction = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def answering(function: HttpFunction) -> HttpFunction:
    """Call `function` for callers who are let in, and answer as `answering_anybody` does."""

    @functools.wraps(function)
    async def admitted(req: func.HttpRequest) -> func.HttpResponse:
        await admit(req)
        return await function(req)

    return answering_anybody(admitted)


def answering_anybody(function: HttpFunction) -> HttpFunction:
    """Answer what `function` raises in the connector's error form, with `x-ms-request-id` as on every answer."""

    @functools.wraps(function)
    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        request_id = new_id()
        try:
            response = await function(req)
        except TocsinError as error:
            log_refusal(req, error, request_id)
            response = failed(error)
        except Exception:  # a bug; the caller gets an answer it can read and quote
            logger.exception(
                "unexpected error", extra={"action": "answer", "request_id": request_id}
            )
            response = failed(
                TocsinError("an unexpected error; the log has it under x-ms-request-id")
            )
        response.headers.add("x-ms-request-id", request_id)
        return response

    return answer


def log_refusal(req: func.HttpRequest, error: TocsinError, request_id: str) -> None:
    """Write the one line that tells of a refused request."""
    logger.log(
        logging.INFO if error.status < 500 else logging.ERROR,
        "request refused: %s",
        error.code,
        extra={
            "action": "refuse_request",
            "request_id": request_id,
            "method": req.method,
            "path": path_of(req)[:LONGEST_ECHO],
        },
    )


def failed(error: TocsinError) -> func.HttpResponse:
    """Return the answer to a request that could not be carried out."""
    faults: Sequence[Fault] = ()
    message = error.message
    if isinstance(error, InvalidRequestError):
        faults = error.faults
        message = f"The request has {len(faults)} fault{'s' * (len(faults) > 1)}: {message}"
    headers = dict(error.headers)
    if isinstance(error, TransientError) and error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    if isinstance(error, MethodNotAllowedError):
        headers["Allow"] = ", ".join(error.allowed)
    return func.HttpResponse(
        json_error(error.code, message, faults),
        status_code=error.status,
        headers=headers,
        mimetype=JSON,
    )


def answered(
    document: "Json | Mapping[str, object]",
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """Return a JSON answer."""
    return func.HttpResponse(
        json.dumps(document), status_code=status, headers=headers, mimetype=JSON
    )


def id_of(req: func.HttpRequest) -> str:
    """Return the id in the path.

    Raises:
        NotFoundError: nothing has such an id; no database could even look for it.
    """
    named = str(req.route_params.get("id"))
    if not is_storable(named):
        raise NotFoundError(f"there is nothing with the id {named[:LONGEST_ECHO]!r}")
    return named


def command_of(req: func.HttpRequest) -> Command:
    """Return the change that a request to a resource asks for.

    Raises:
        RequestError: with everything that is wrong with it.
    """
    return request_command(match_of(req), body_of(req), if_match=req.headers.get("if-match"))


def commands_of(req: func.HttpRequest) -> tuple[list[Command], bool]:
    """Return the commands in a body, and whether they came as an array."""
    body = body_of(req)
    return parse_commands(body), body.lstrip()[:1] == b"["


def read_of(req: func.HttpRequest) -> tuple[Endpoint, Mapping[str, str], Mapping[str, str]]:
    """Return the endpoint that a GET of a resource means, the names in its path and its query.

    Raises:
        RequestError: with everything that is wrong with the query.
    """
    match = match_of(req)
    query = {name: value for name, value in req.params.items() if name not in OF_THE_PLATFORM}
    return match.endpoint, match.params, request_query(match.endpoint, query)


def match_of(req: func.HttpRequest) -> Match:
    """Return the endpoint of the connector that the request's path and method name."""
    path = path_of(req)
    method = "GET" if req.method == "HEAD" else str(req.method)
    match ROUTER.match(method, path):
        case Match() as match:
            return match
        case MethodNotAllowed(allowed):
            raise MethodNotAllowedError(
                f"{req.method} {path[:LONGEST_ECHO]} is not offered; its methods are {', '.join(sorted(allowed))}",
                allowed=sorted(allowed),
            )
        case _:
            raise NotFoundError(f"there is no resource {path[:LONGEST_ECHO]}")


def path_of(req: func.HttpRequest) -> str:
    """Return the raw path below the route prefix, which is one segment.

    Cut by hand: a parser of URLs takes what stands in the host, or a `#`, for something else.
    """
    _, _, rest = req.url.partition("://")
    _, _, path = rest.partition("/")
    _, _, below = path.partition("?")[0].partition("/")
    return f"/{below}"


def body_of(req: func.HttpRequest) -> bytes:
    """Return the body, which may be as large as a message."""
    body = req.get_body()
    if len(body) > MAX_MESSAGE_BYTES:
        raise PayloadTooLargeError(
            f"the body has {len(body)} bytes; {MAX_MESSAGE_BYTES} are allowed"
        )
    return body


def accepted(
    req: func.HttpRequest,
    operations: Sequence[Operation],
    *,
    waited: timedelta | None,
    public_url: str | None,
    many: bool,
) -> func.HttpResponse:
    """Return the operation, or the array of operations, and where to watch it; 200 if the caller waited for the end of
    them all, else 202."""
    documents = [operation.to_json() for operation in operations]
    going_on = [operation for operation in operations if not operation.has_ended]
    is_applied = waited is not None and not going_on
    headers = retry_after(next(iter(going_on), operations[0]))
    if waited is not None and is_applied:
        headers["Preference-Applied"] = f"wait={waited.total_seconds():.0f}"
    if not many:
        headers["Operation-Location"] = operation_url(req, operations[0].id, public_url)
    document = {"operations": documents} if many else documents[0]
    return answered(document, status=200 if is_applied else 202, headers=headers)


def monitored(operation: Operation) -> func.HttpResponse:
    """Return the status monitor's answer."""
    return answered(operation.to_json(), headers=retry_after(operation))


def listed(
    req: func.HttpRequest, page: OperationPage, *, public_url: str | None
) -> func.HttpResponse:
    """Return a page of operations, and where the next one is."""
    document: dict[str, object] = {"value": [one.to_json() for one in page.operations]}
    if page.last is not None:
        query = next_query(req.params, page.last)
        document["nextLink"] = f"{base_url(req, public_url)}/api/operations?{query}"
    return answered(document)


def retry_after(operation: Operation) -> dict[str, str]:
    """Return the header that tells when to look again, and none once it has ended."""
    wait = operation.retry_after
    return {} if wait is None else {"Retry-After": str(round(wait.total_seconds()))}


def operation_url(req: func.HttpRequest, operation_id: str, public_url: str | None) -> str:
    """Return where the caller can watch the operation."""
    return f"{base_url(req, public_url)}/api/operations/{operation_id}"


def base_url(req: func.HttpRequest, public_url: str | None) -> str:
    """Return what the connector's URLs begin with: the setting, else as the caller reached it."""
    if public_url is not None:
        return public_url
    scheme, _, rest = req.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def wake_up_of(message: func.ServiceBusMessage) -> WakeUp | None:
    """Return the wake-up in a message; None, and a line in the log, for anything else: it can wake nobody."""
    try:
        return WakeUp.decode(message.get_body())
    except InvalidRequestError as error:
        logger.warning(
            "not a wake-up: %s",
            error.message,
            extra={"action": "drop_wake_up", "message_id": message.message_id},
        )
        return None


def queue_message_of(message: func.ServiceBusMessage, *, queue: str) -> QueueMessage:
    """Return a message of a queue in our terms."""
    return QueueMessage(
        body=message.get_body(),
        queue=queue,
        sequence_number=message.sequence_number or 0,
        message_id=message.message_id or None,
        correlation_id=message.correlation_id or None,
        traceparent=traceparent_of(message),
        reply_to=message.reply_to or None,
        reply_to_session_id=message.reply_to_session_id or None,
    )


def traceparent_of(message: func.ServiceBusMessage) -> str | None:
    """Return what the sender's library says the trace is, whether it is valid or not."""
    properties = message.application_properties or {}
    found = (properties.get(name) for name in TRACE_PROPERTIES)
    return next((text for text in found if isinstance(text, str)), None)
