"""Results of operations: beside the operation up to 64 KB, in a table of their own above that, for a day."""

import json
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select

from shared.clock import to_microseconds
from shared.connector.stores.tables import large_result
from shared.messaging.steps import AT_ONCE
from shared.sql.database import Transaction
from shared.sql.prepared import Prepared
from shared.wire.json_types import Json

LONGEST_RESULT = 64 * 1024
LARGE_RESULTS_KEPT = timedelta(hours=24)
ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

column = large_result.c
insert_result = Prepared(
    insert(large_result).values(
        operation_id=bindparam("of_operation"),
        result=bindparam("text"),
        kept_until=bindparam("until"),
    )
)
find_result = Prepared(
    select(column.result).where(column.operation_id == bindparam("of_operation"))
)
prune_results = Prepared(
    delete(large_result).where(
        column.operation_id.in_(
            select(column.operation_id)
            .where(column.kept_until <= bindparam("present"))
            .order_by(column.kept_until)
            .limit(bindparam("at_most"))
        )
    )
)


def encoded_result(result: Json) -> str | None:
    """Return a result as text; None for none, and for what JSON cannot say: a number beyond all floats."""
    if result is None:
        return None
    try:
        return ENCODER.encode(result)
    except ValueError:
        return None


def keep_large_result(
    transaction: Transaction, operation_id: str, text: str, *, until: datetime
) -> None:
    """Keep a result that is longer than LONGEST_RESULT."""
    insert_result.change(
        transaction.connection, of_operation=operation_id, text=text, until=to_microseconds(until)
    )


def find_large_result(connection: Connection, operation_id: str) -> str | None:
    """Return the text of a result that was kept apart, while it is."""
    rows = find_result.rows(connection, of_operation=operation_id)
    return str(rows[0].result) if rows else None


def prune_large_results(transaction: Transaction, *, now: datetime) -> int:
    """Forget some of the large results that were kept long enough; returns how many."""
    return prune_results.change(
        transaction.connection, present=to_microseconds(now), at_most=AT_ONCE
    )
