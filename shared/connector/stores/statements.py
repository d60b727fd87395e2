"""Every hot statement of the operation store, compiled once."""

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ScalarSelect,
    bindparam,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.sql import Select

from shared.connector.operations import OperationStatus
from shared.connector.stores.tables import operation, request_key, waiting
from shared.messaging.steps import AT_ONCE
from shared.messaging.work_table import ENDING
from shared.sql.prepared import Prepared

DEEPEST = 6
"""Segments of the deepest path: cloudservices/{cs}/jobcollections/{jc}/jobs/{job}."""

column = operation.c
this = column.id == bindparam("operation_id")

KNOWN = (
    column.id,
    column.command,
    column.resource,
    column.status,
    column.caller,
    column.correlation_id,
    column.traceparent,
    column.requested_at,
    column.started_at,
    column.finished_at,
    column.http_status,
    column.error_code,
    column.error_message,
    column.large_result_until,
)
VISIBLE = (*KNOWN, column.result)
REPLY_TO = (column.reply_queue, column.reply_session_id, column.reply_correlation_id)
TOLD = (column.number, column.path, *KNOWN, *REPLY_TO)
ASSIGNED = (
    *KNOWN,
    column.sealed_body,
    column.if_match,
    column.deadline_at,
    column.phase,
    column.request_id,
    column.failures,
    column.polls,
    column.missing_since,
    column.is_outcome_unknown,
    column.reply_queue,
)

find_key = Prepared(
    select(request_key.c.fingerprint, request_key.c.operation_ids, request_key.c.accepted_at).where(
        request_key.c.caller == bindparam("of_caller"), request_key.c.key == bindparam("of_key")
    )
)
delete_key = Prepared(
    delete(request_key).where(
        request_key.c.caller == bindparam("of_caller"), request_key.c.key == bindparam("of_key")
    )
)
insert_key = Prepared(insert(request_key))

insert_operation = Prepared(
    insert(operation)
    .values(
        {
            name: bindparam(name)
            for name in (
                "id",
                "command",
                "resource",
                "path",
                "service_scope",
                "collection_scope",
                "blocks",
                "status",
                "caller",
                "correlation_id",
                "traceparent",
                "sealed_body",
                "if_match",
                "time_limit",
                "reply_queue",
                "reply_session_id",
                "reply_correlation_id",
                "deadline_at",
                "requested_at",
                "waits_for",
                "due_at",
                "sweep_at",
            )
        }
    )
    .returning(column.number)
)


def last_write(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """The number of the last unfinished write of the last path: one step in the index of unfinished writes.

    Sorting by the path too, even where there is only one, leaves PostgreSQL no other index to read instead.
    """
    return (
        select(column.number)
        .where(*conditions)
        .order_by(column.blocks.desc(), column.number.desc())
        .limit(literal(1))
        .scalar_subquery()
    )


def last_write_of_each_path() -> Select[int]:
    """The last unfinished write of a path stands for all of them: each waits for the one before it.

    So finding them takes one step for each path, however many writes of it are unfinished.
    """
    # One list, not a subquery for each: PostgreSQL plans the statement each time.
    above = union_all(
        *(select(bindparam(f"ancestor_{depth}").label("path")) for depth in range(DEEPEST))
    ).subquery("above")
    start: BindParameter[str] = bindparam("path")
    end: BindParameter[str] = bindparam("path_end")
    below = select(last_write(column.blocks > start, column.blocks < end).label("number")).cte(
        "below", recursive=True
    )
    known = operation.alias("known")
    path = (
        select(known.c.blocks)
        .where(known.c.number == below.c.number)
        .correlate(below)
        .scalar_subquery()
    )
    below = below.union_all(
        select(last_write(column.blocks > start, column.blocks < path)).where(
            below.c.number.is_not(None)
        )
    )
    found = union_all(
        select(
            last_write(column.blocks >= above.c.path, column.blocks <= above.c.path).label("number")
        ).select_from(above),
        select(below.c.number),
    ).subquery("found")
    return select(found.c.number).where(found.c.number.is_not(None))


find_predecessors = Prepared(last_write_of_each_path())
insert_waiting = Prepared(
    insert(waiting).values(predecessor=bindparam("before"), successor=bindparam("after"))
)

find_path = Prepared(select(column.path).where(this))
find_path_by_number = Prepared(select(column.path).where(column.number == bindparam("number")))
ended = {"finished_at": bindparam("present"), "blocks": null(), "sealed_body": null()}
end = Prepared(
    update(operation)
    .where(this, column.attempt == bindparam("at_attempt"), column.finished_at.is_(None))
    .values(
        status=bindparam("with_status"),
        http_status=bindparam("with_http_status"),
        error_code=bindparam("with_error_code"),
        error_message=bindparam("with_error_message"),
        result=bindparam("with_result"),
        large_result_until=bindparam("with_large_result_until"),
        **ended,
        **ENDING,
    )
    .returning(*TOLD)
)
cancel = Prepared(
    update(operation)
    .where(this, column.status == literal(OperationStatus.NOT_STARTED.value))
    .values(status=OperationStatus.CANCELED.value, **ended)
    .returning(*TOLD)
)

release = Prepared(
    update(operation)
    .where(column.number == bindparam("successor"), column.finished_at.is_(None))
    .values(
        waits_for=column.waits_for - 1,
        # Set with every release; the last one counts.
        deadline_at=bindparam("present") + column.time_limit,
    )
    .returning(column.id, column.attempt, column.waits_for)
)
forget_waiting = Prepared(
    delete(waiting)
    .where(
        waiting.c.predecessor == bindparam("ended"),
        waiting.c.successor.in_(
            select(waiting.c.successor)
            .where(waiting.c.predecessor == bindparam("ended"))
            .order_by(waiting.c.successor)
            .limit(bindparam("at_most"))
        ),
    )
    .returning(waiting.c.successor)
)
lock_ended = Prepared(
    select(column.number, column.path, column.status)
    .where(column.number == bindparam("ended"))
    .with_for_update()
)
find_before = Prepared(
    select(func.max(column.number)).where(
        column.blocks == bindparam("of_path"), column.number < bindparam("ended")
    )
)
set_releasing = Prepared(
    update(operation)
    .where(column.number == bindparam("ended"))
    .values(releasing_since=bindparam("since"))
)
releasing = Prepared(
    select(column.number)
    .where(column.releasing_since.is_not(None))
    .order_by(column.releasing_since)
    .limit(literal(AT_ONCE))
)

get = Prepared(select(*VISIBLE).where(this))

prune_operations = Prepared(
    delete(operation).where(
        column.number.in_(
            select(column.number)
            .where(column.finished_at < bindparam("ended_before"))
            .order_by(column.finished_at)
            .limit(bindparam("at_most"))
        )
    )
)
prune_keys = Prepared(
    delete(request_key).where(
        tuple_(request_key.c.caller, request_key.c.key).in_(
            select(request_key.c.caller, request_key.c.key)
            .where(request_key.c.accepted_at < bindparam("accepted_before"))
            .order_by(request_key.c.accepted_at)
            .limit(bindparam("at_most"))
        )
    )
)
