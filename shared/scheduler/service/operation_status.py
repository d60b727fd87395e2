"""Get Operation Status: how far what was answered 202 has come, and how what was answered at once ended."""

from collections.abc import Callable

from sqlalchemy import Connection

from shared.errors import NotFoundError
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.scheduler.store import SchedulerStore, StoredOperation
from shared.wire.operation import Operation, OperationStatus, ServiceError
from shared.wire.xml_codec import encode_operation


def status_query(store: SchedulerStore) -> Callable[[Request], Query]:
    """Return the endpoint."""

    def status(request: Request) -> Query:
        operation_id = request.params["operation"].replace("-", "").lower()

        def query(connection: Connection) -> Answer:
            found = store.operations.find(connection, operation_id)
            if found is None or found.subscription != request.subscription:
                raise NotFoundError(f"The operation '{operation_id}' was not found.")
            return Answer(status=200, body=encode_operation(to_operation(found)))

        return query

    return status


def to_operation(row: StoredOperation) -> Operation:
    """Return what Get Operation Status tells; a success is 200, whatever the request itself was answered."""
    has_ended = row.status != OperationStatus.IN_PROGRESS
    return Operation(
        id=row.id,
        status=OperationStatus(row.status),
        http_status_code=(row.error_status or 200) if has_ended else None,
        error=ServiceError(code=row.error_code, message=row.error_message or "")
        if row.error_code
        else None,
    )
