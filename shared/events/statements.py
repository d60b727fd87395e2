"""Every SQL statement of events, from insertion to the end of a delivery."""

from sqlalchemy import bindparam, delete, insert, literal, select, update
from sqlalchemy.dialects import sqlite

from shared.events.status import DeliveryStatus, EventSubscriptionStatus
from shared.events.tables import delivery, event, event_filter, event_log, event_subscription
from shared.sql.prepared import Prepared

INSERT_EVENT = Prepared(
    sqlite.insert(event)
    .values(
        id=bindparam("id"),
        type=bindparam("type"),
        subject=bindparam("subject"),
        structured=bindparam("structured"),
    )
    .on_conflict_do_nothing(index_elements=["id"])
)

# Publishing. Whoever reads the counter for update is the only publisher until the commit.
LOCK_COUNTER = Prepared(select(event_log.c.last_number).with_for_update())
SET_COUNTER = Prepared(update(event_log).values(last_number=bindparam("last")))
UNNUMBERED = Prepared(
    select(event.c.position, event.c.type, event.c.subject)
    .where(event.c.number.is_(None))
    .order_by(event.c.position)
    .limit(bindparam("at_most"))
)
NUMBER = Prepared(
    update(event)
    .where(event.c.position == bindparam("at"))
    .values(number=bindparam("given"), published_at=bindparam("present"))
)
SUBSCRIBED = Prepared(
    select(
        event_subscription.c.id,
        event_subscription.c.subject_prefix,
        event_subscription.c.due_at,
        event_subscription.c.lease_until,
        event_subscription.c.held_until,
        event_subscription.c.attempt,
    )
    .join_from(
        event_filter,
        event_subscription,
        event_filter.c.event_subscription_id == event_subscription.c.id,
    )
    .where(
        event_filter.c.type == bindparam("key"),
        event_subscription.c.status == literal(EventSubscriptionStatus.ENABLED.value),
    )
)
INSERT_DELIVERY = Prepared(
    insert(delivery).values(
        event_subscription_id=bindparam("event_subscription_id"),
        number=bindparam("number"),
        due_at=bindparam("due_at"),
        status=literal(DeliveryStatus.PENDING.value),
        failures=literal(0),
    )
)
READ_EVENTS = Prepared(
    select(event.c.number, event.c.structured)
    .where(event.c.number > bindparam("since"))
    .order_by(event.c.number)
    .limit(bindparam("at_most"))
)
# The oldest numbers are looked at and no others, so that a log with nothing to drop costs one look.
OLDEST = (
    select(event.c.position)
    .where(event.c.number.is_not(None))
    .order_by(event.c.number)
    .limit(bindparam("at_most"))
)
PRUNE = Prepared(
    delete(event).where(
        event.c.position.in_(OLDEST.scalar_subquery()),
        event.c.published_at < bindparam("before"),
    )
)
