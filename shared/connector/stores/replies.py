"""Replies in SQL: written with the end of their operation, deleted when they are sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select

from shared.clock import to_microseconds
from shared.connector.operations import ReplyTo
from shared.connector.replies import Reply
from shared.connector.stores.tables import reply
from shared.messaging.steps import AT_ONCE, in_steps
from shared.sql.database import Database, Transaction
from shared.sql.prepared import Prepared

column = reply.c
REPLY = (
    column.number,
    column.operation_id,
    column.queue,
    column.session_id,
    column.correlation_id,
    column.event,
)

insert_reply = Prepared(
    insert(reply).values(
        operation_id=bindparam("of_operation"),
        queue=bindparam("to_queue"),
        session_id=bindparam("with_session"),
        correlation_id=bindparam("with_correlation"),
        event=bindparam("structured"),
        ended_at=bindparam("present"),
    )
)
find_reply = Prepared(select(*REPLY).where(column.operation_id == bindparam("of_operation")))
# From one queue to the next, without a look at what waits for them.
next_queue = Prepared(
    select(func.min(column.queue).label("queue")).where(column.queue > bindparam("last"))
)
find_replies = Prepared(
    select(*REPLY)
    .where(column.queue == bindparam("to_queue"), column.ended_at <= bindparam("before"))
    .order_by(column.number)
    .limit(bindparam("at_most"))
)
delete_reply = Prepared(delete(reply).where(column.number == bindparam("this_number")))
prune_replies = Prepared(
    delete(reply).where(
        column.number.in_(
            select(column.number)
            .where(column.ended_at < bindparam("before"))
            .order_by(column.number)
            .limit(bindparam("at_most"))
        )
    )
)


def insert_into_outbox(
    transaction: Transaction, operation_id: str, to: ReplyTo, structured: bytes, *, now: datetime
) -> None:
    """Write down the reply of an operation that ends in this transaction."""
    insert_reply.change(
        transaction.connection,
        of_operation=operation_id,
        to_queue=to.queue,
        with_session=to.session_id,
        with_correlation=to.correlation_id,
        structured=structured,
        present=to_microseconds(now),
    )


class SqlReplyStore:
    """Over the database of the operations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, operation_id: str) -> Reply | None:
        rows = await self._database.read(
            lambda connection: find_reply.rows(connection, of_operation=operation_id),
            is_short=True,
        )
        return to_reply(rows[0]) if rows else None

    async def queue_after(self, queue: str) -> str | None:
        (row,) = await self._database.read(
            lambda connection: next_queue.rows(connection, last=queue), is_short=True
        )
        found: str | None = row.queue
        return found

    async def waiting(self, queue: str, *, before: datetime, limit: int) -> list[Reply]:
        rows = await self._database.read(
            lambda connection: find_replies.rows(
                connection, to_queue=queue, before=to_microseconds(before), at_most=limit
            )
        )
        return [to_reply(row) for row in rows]

    async def forget(self, replies: Sequence[Reply]) -> None:
        def drop(transaction: Transaction) -> None:
            rows = [{"this_number": one.number} for one in replies]
            delete_reply.execute_many(transaction.connection, rows)

        await self._database.run(drop)

    async def prune(self, *, before: datetime) -> int:
        return await in_steps(
            self._database,
            lambda transaction: prune_replies.change(
                transaction.connection, before=to_microseconds(before), at_most=AT_ONCE
            ),
        )


def to_reply(row: Any) -> Reply:
    to = ReplyTo(queue=row.queue, session_id=row.session_id, correlation_id=row.correlation_id)
    return Reply(number=row.number, operation_id=row.operation_id, to=to, event=bytes(row.event))
