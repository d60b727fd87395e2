"""What a row of an operation says."""

import json
from typing import Any

from shared.clock import from_microseconds, from_optional_microseconds
from shared.connector.operations import (
    Assignment,
    Operation,
    OperationError,
    OperationStatus,
    Phase,
    Progress,
    ReplyTo,
)
from shared.wire.json_types import Json


def to_operation(row: Any) -> Operation:
    return operation_of(row, None if row.result is None else json.loads(row.result))


def operation_of(row: Any, result: Json) -> Operation:
    """Return an operation whose result is at hand."""
    error = None
    if row.error_code is not None:
        error = OperationError(code=row.error_code, message=row.error_message)
    return Operation(
        id=row.id,
        command=row.command,
        resource=row.resource,
        status=OperationStatus(row.status),
        caller=row.caller,
        correlation_id=row.correlation_id,
        traceparent=row.traceparent,
        requested_at=from_microseconds(row.requested_at),
        started_at=from_optional_microseconds(row.started_at),
        finished_at=from_optional_microseconds(row.finished_at),
        http_status=row.http_status,
        error=error,
        result=result,
        large_result_until=from_optional_microseconds(row.large_result_until),
    )


def to_reply_to(row: Any) -> ReplyTo | None:
    if row.reply_queue is None:
        return None
    return ReplyTo(
        queue=row.reply_queue,
        session_id=row.reply_session_id,
        correlation_id=row.reply_correlation_id,
    )


def to_assignment(row: Any, *, leases: int) -> Assignment:
    return Assignment(
        operation=operation_of(row, None),
        sealed_body=row.sealed_body,
        if_match=row.if_match,
        first_sent_at=from_microseconds(row.started_at),
        deadline_at=from_microseconds(row.deadline_at),
        progress=Progress(
            phase=Phase(row.phase),
            request_id=row.request_id,
            failures=row.failures,
            polls=row.polls,
            missing_since=from_optional_microseconds(row.missing_since),
            is_outcome_unknown=bool(row.is_outcome_unknown),
        ),
        leases=leases,
        wants_reply=row.reply_queue is not None,
    )
