"""The events that the connector publishes; their ids follow from what they tell, so that none is told twice."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from shared.connector.event_ids import end_id
from shared.connector.operations import Operation, OperationStatus
from shared.errors import Fault
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.trace_context import TRACEPARENT

LONGEST_ATTRIBUTE = 256
# No attribute of an event may hold these, and a transaction must not fail for what a caller once named something.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

END_EVENTS = {
    OperationStatus.SUCCEEDED: EventType.OPERATION_SUCCEEDED,
    OperationStatus.FAILED: EventType.OPERATION_FAILED,
    OperationStatus.CANCELED: EventType.OPERATION_CANCELED,
}


def end_event(operation: Operation, *, source: str, public_url: str) -> CloudEvent:
    """Return what tells that `operation`, which has ended, did so.

    `public_url` is what URLs of the connector begin with, empty when nobody has said. The URL of a result that is too
    large for an event stands in the extension `dataref`.
    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/dataref.md
    """
    event_type = END_EVENTS[operation.status]
    extensions = {
        "operationid": operation.id,
        **origin_of(operation.correlation_id, operation.traceparent),
    }
    if operation.large_result_until is not None:
        extensions["dataref"] = f"{public_url}{operation.result_path}"
    return CloudEvent(
        id=end_id(operation.id),
        source=source,
        type=event_type,
        subject=operation.resource,
        time=operation.finished_at,
        dataschema=event_type.dataschema,
        data=operation.to_json(),
        extensions=extensions,
    )


def rejection_event(
    message_name: str,
    *,
    source: str,
    queue: str,
    extensions: Mapping[str, str],
    faults: tuple[Fault, ...],
    now: datetime,
) -> CloudEvent:
    """Return what tells that a message was no command; `message_name` is unique to the message."""
    data: dict[str, Any] = {
        "queue": queue,
        "message": message_name,
        "faults": [{"target": fault.path, "message": fault.message} for fault in faults],
    }
    return CloudEvent(
        id=f"{attribute_text(message_name)}/rejected",
        source=source,
        type=EventType.COMMAND_REJECTED,
        time=now,
        dataschema=EventType.COMMAND_REJECTED.dataschema,
        data=data,
        extensions=extensions,
    )


def origin_of(correlation_id: str | None, traceparent: str | None) -> dict[str, str]:
    """Return the extensions that tell what a caller knows a command by; `traceparent` is a valid one.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md
    """
    found = {}
    if correlation_id:
        found["correlationid"] = attribute_text(correlation_id)
    if traceparent:
        found[TRACEPARENT] = traceparent
    return found


def attribute_text(text: str) -> str:
    """Return `text` as an attribute of an event can hold it."""
    return FORBIDDEN.sub(lambda match: quote(match[0], errors="replace"), text)[:LONGEST_ATTRIBUTE]
