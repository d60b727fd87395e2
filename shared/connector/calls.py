"""The requests that operations and reads make at the Scheduler API; pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import quote, urlencode

from shared.client.scheduler import RestRequest
from shared.connector.answers import READS
from shared.connector.operations import Assignment, Phase
from shared.connector.rendering import render_body
from shared.trace_context import TRACEPARENT
from shared.wire.catalogue import CATALOGUE
from shared.wire.endpoint import Endpoint
from shared.wire.json_types import JsonObject
from shared.wire.routing import parse_resource, service_path

REMEMBERED = 4096
JOBS_API_VERSION = "2014-04-01"
EXECUTED_AS = {"CreateJob": "CreateOrUpdateJob"}
STATUS = CATALOGUE["GetOperationStatus"]
NO_QUERY: Mapping[str, str] = MappingProxyType({})


def endpoint_of(assignment: Assignment) -> Endpoint:
    """Return the endpoint that carries the operation out."""
    command = assignment.operation.command
    return CATALOGUE[EXECUTED_AS.get(command, command)]


def request_of(
    assignment: Assignment, endpoint: Endpoint, body: JsonObject | None, *, subscription: str
) -> RestRequest:
    """Return the request of the operation's present phase, in the trace that its command came in."""
    request = untraced_request_of(assignment, endpoint, body, subscription=subscription)
    traceparent = assignment.operation.traceparent
    if traceparent is None:
        return request
    return replace(request, headers={**request.headers, TRACEPARENT: traceparent})


def untraced_request_of(
    assignment: Assignment, endpoint: Endpoint, body: JsonObject | None, *, subscription: str
) -> RestRequest:
    """Return what the operation's present phase asks for; the body of a read is its query."""
    match assignment.progress.phase:
        case Phase.SEND if endpoint.is_read:
            params = parse_resource(endpoint, assignment.operation.resource)
            query = {name: str(value) for name, value in (body or {}).items()}
            return read_request(endpoint, params, subscription=subscription, query=query)
        case Phase.SEND:
            return change_request(assignment, endpoint, body, subscription=subscription)
        case Phase.POLL:
            params = {"operation": assignment.progress.request_id or ""}
            return read_request(STATUS, params, subscription=subscription)
        case Phase.VERIFY | Phase.SETTLE:
            params = parse_resource(endpoint, assignment.operation.resource)
            return read_request(READS[endpoint.resource], params, subscription=subscription)


def change_request(
    assignment: Assignment, endpoint: Endpoint, body: JsonObject | None, *, subscription: str
) -> RestRequest:
    """Return the request that makes the change: the same on every attempt, and recognisable as such."""
    operation = assignment.operation
    headers = {
        "Repeatability-Request-ID": operation.id,
        "Repeatability-First-Sent": http_date(assignment.first_sent_at),
    }
    if assignment.if_match is not None:
        headers["If-Match"] = assignment.if_match
    content = None
    if body is not None:
        content, headers["Content-Type"] = render_body(endpoint, body, etag=assignment.if_match)
    return RestRequest(
        method=endpoint.method,
        target=change_target(endpoint.name, operation.resource, subscription),
        headers=headers,
        body=content,
    )


@lru_cache(maxsize=REMEMBERED)
def change_target(name: str, resource: str, subscription: str) -> str:
    """Return where a change of a resource goes; few resources are changed often."""
    endpoint = CATALOGUE[name]
    params = parse_resource(endpoint, resource)
    return target_of(endpoint, params, NO_QUERY, subscription=subscription)


def read_request(
    endpoint: Endpoint,
    params: Mapping[str, str],
    *,
    subscription: str,
    query: Mapping[str, str] = NO_QUERY,
) -> RestRequest:
    """Return the request of a read."""
    return RestRequest(
        method=endpoint.method, target=target_of(endpoint, params, query, subscription=subscription)
    )


def target_of(
    endpoint: Endpoint, params: Mapping[str, str], query: Mapping[str, str], *, subscription: str
) -> str:
    path = service_path(endpoint, params, subscription=subscription)
    version = {} if endpoint.is_xml else {"api-version": JOBS_API_VERSION}
    sent = {name: value.format_map(params) for name, value in endpoint.sends}
    selected = [endpoint.selector] if endpoint.selector else []
    given = {**version, **sent, **dict(selected), **query}
    # Microsoft's clients leave `$` as it is and write blanks as %20.
    return f"{path}?{urlencode(given, safe='$', quote_via=quote)}" if given else path


def http_date(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)
