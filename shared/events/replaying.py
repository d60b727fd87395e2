"""Replay: published events are delivered again to one event subscription, a part of the range at a time.

The range is in the row of the event subscription. Whoever delivers to it takes the next part when nothing else is due,
in the transaction that would end its lease: so a replay goes as fast as the receiver, survives every crash, and never
makes more deliveries at once than one step.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.clock import to_microseconds
from shared.events import event_subscription_statements, statements
from shared.events.event_subscription import EventFilter
from shared.events.filters import filter_keys
from shared.events.matching import data_in
from shared.messaging.steps import AT_ONCE


def replay_some(
    connection: Connection,
    name: str,
    wanted: EventFilter,
    *,
    numbers: tuple[int, int],
    now: datetime,
) -> bool:
    """Make what matches of the next events due again and note how far the replay is; returns whether it is over."""
    first, last = numbers
    rows = statements.RANGE.rows(connection, first=first, last=last, at_most=AT_ONCE)
    statements.DELIVER_AGAIN.execute_many(
        connection,
        [
            {
                "event_subscription_id": name,
                "number": row.number,
                "due_at": to_microseconds(now),
            }
            for row in rows
            if is_wanted(row, wanted)
        ],
    )
    is_over = len(rows) < AT_ONCE or rows[-1].number >= last
    event_subscription_statements.SET_REPLAY.change(
        connection,
        name=name,
        next_number=None if is_over else rows[-1].number + 1,
        last_number=None if is_over else last,
    )
    return is_over


def is_wanted(row: Any, wanted: EventFilter) -> bool:
    """Whether an event of the log would be delivered if it were published now; those for one alone are told once."""
    if row.addressee is not None or not wanted.lets_subject_through(row.subject):
        return False
    if wanted.types and not set(wanted.types).intersection(filter_keys(row.type)):
        return False
    return not wanted.data or wanted.lets_data_through(data_in(row.structured))
