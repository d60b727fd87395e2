"""The events that the connector publishes; their ids follow from what they tell, so that none is told twice."""

from datetime import datetime
from typing import Any

from shared.connector.operations import Operation, OperationStatus
from shared.errors import Fault
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType

END_EVENTS = {
    OperationStatus.SUCCEEDED: EventType.OPERATION_SUCCEEDED,
    OperationStatus.FAILED: EventType.OPERATION_FAILED,
    OperationStatus.CANCELED: EventType.OPERATION_CANCELED,
}


def end_event(operation: Operation, *, source: str) -> CloudEvent:
    """Return what tells that `operation`, which has ended, did so."""
    event_type = END_EVENTS[operation.status]
    return CloudEvent(
        id=f"{operation.id}/end",
        source=source,
        type=event_type,
        subject=operation.resource,
        time=operation.finished_at,
        dataschema=event_type.dataschema,
        data=operation.to_json(),
        extensions={"operationid": operation.id, **correlation(operation.correlation_id)},
    )


def rejection_event(
    message_name: str,
    *,
    source: str,
    queue: str,
    correlation_id: str | None,
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
        id=f"{message_name}/rejected",
        source=source,
        type=EventType.COMMAND_REJECTED,
        time=now,
        dataschema=EventType.COMMAND_REJECTED.dataschema,
        data=data,
        extensions=correlation(correlation_id),
    )


def correlation(correlation_id: str | None) -> dict[str, str]:
    return {} if correlation_id is None else {"correlationid": correlation_id}
