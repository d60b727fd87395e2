"""Event subscriptions in and out of their table."""

import json
from dataclasses import asdict
from typing import Any

from shared.clock import to_microseconds
from shared.errors import PreconditionFailedError
from shared.events import event_subscription_statements as statements
from shared.events.event_subscription import EventSubscription, from_row, not_found
from shared.events.filters import EVERYTHING
from shared.events.stored_secrets import write_secrets
from shared.sql.database import Transaction


def locked_row(transaction: Transaction, event_subscription_id: str) -> Any:
    """Return a row that nobody else changes before the commit. Raises NotFoundError."""
    rows = statements.LOCK.rows(transaction.connection, name=event_subscription_id)
    if not rows:
        raise not_found(event_subscription_id)
    return rows[0]


def locked(
    transaction: Transaction, event_subscription_id: str, *, if_match: str | None = None
) -> EventSubscription:
    """Return an event subscription that nobody else changes before the commit.

    Raises:
        NotFoundError: there is none of this id.
        PreconditionFailedError: `if_match` is neither its ETag nor `*`.
    """
    present = from_row(locked_row(transaction, event_subscription_id))
    if if_match not in (None, "*", present.etag):
        raise PreconditionFailedError(
            f"event subscription {event_subscription_id} has the ETag {present.etag}"
        )
    return present


def insert(transaction: Transaction, created: EventSubscription) -> None:
    """Write a new event subscription, that is not due."""
    statements.INSERT.change(
        transaction.connection,
        id=created.id,
        sink_type=created.sink_type.value,
        status=created.status.value,
        created_at=to_microseconds(created.created_at),
        **settings_of(created),
    )
    insert_filters(transaction, created)


def update(transaction: Transaction, changed: EventSubscription) -> None:
    """Write what callers decide of an event subscription, as another version of it."""
    statements.CHANGE.change(transaction.connection, this_id=changed.id, **settings_of(changed))
    statements.DELETE_FILTERS.change(transaction.connection, name=changed.id)
    insert_filters(transaction, changed)


def insert_filters(transaction: Transaction, wanted: EventSubscription) -> None:
    statements.INSERT_FILTER.execute_many(
        transaction.connection,
        [
            {"type": text, "event_subscription_id": wanted.id}
            for text in dict.fromkeys(wanted.filter.types or (EVERYTHING,))
        ],
    )


def settings_of(wanted: EventSubscription) -> dict[str, Any]:
    """Return the columns of what callers decide."""
    schedule = wanted.retry_schedule
    return {
        "name": wanted.name,
        "sink_settings": json.dumps(dict(wanted.sink_settings)),
        "sealed_secrets": write_secrets(wanted.secrets),
        "filter_types": json.dumps(wanted.filter.types),
        "subject_prefix": wanted.filter.subject_prefix,
        "filter_data": json.dumps([asdict(one) for one in wanted.filter.data]),
        "mode": wanted.mode.value,
        "retry_schedule": None if schedule is None else json.dumps(schedule),
        "rate_per_second": wanted.rate_per_second,
    }
