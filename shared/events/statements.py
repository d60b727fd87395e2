"""Every SQL statement of events, from insertion to the end of a delivery."""

from sqlalchemy import bindparam, delete, func, insert, literal, null, select, tuple_, update
from sqlalchemy.dialects import sqlite

from shared.events.status import DeliveryStatus, EventSubscriptionStatus
from shared.events.tables import (
    DEADLETTERED,
    delivery,
    event,
    event_filter,
    event_log,
    event_subscription,
)
from shared.sql.prepared import Prepared

INSERT_EVENT = Prepared(
    sqlite.insert(event)
    .values(
        id=bindparam("id"),
        type=bindparam("type"),
        subject=bindparam("subject"),
        structured=bindparam("structured"),
        addressee=bindparam("addressee"),
    )
    .on_conflict_do_nothing(index_elements=["id"])
)

# Publishing. Whoever reads the counter for update is the only publisher until the commit.
LOCK_COUNTER = Prepared(select(event_log.c.last_number).with_for_update())
SET_COUNTER = Prepared(update(event_log).values(last_number=bindparam("last")))
UNNUMBERED = Prepared(
    select(event.c.position, event.c.type, event.c.subject, event.c.addressee)
    .where(event.c.number.is_(None))
    .order_by(event.c.position)
    .limit(bindparam("at_most"))
)
NUMBER = Prepared(
    update(event)
    .where(event.c.position == bindparam("at"))
    .values(number=bindparam("given"), published_at=bindparam("present"))
)
FILTER_KEYS = ("key_0", "key_1", "key_2", "key_3")
"""As many as there are filters that let one of our types through."""
SUBSCRIBED = Prepared(
    select(
        event_subscription.c.id,
        event_subscription.c.subject_prefix,
        event_subscription.c.filter_data,
        event_subscription.c.status,
        event_subscription.c.due_at,
        event_subscription.c.failing_since,
        event_subscription.c.held_until,
        event_subscription.c.attempt,
    )
    .join_from(
        event_filter,
        event_subscription,
        event_filter.c.event_subscription_id == event_subscription.c.id,
    )
    .where(
        event_filter.c.type.in_([bindparam(key) for key in FILTER_KEYS]),
        event_subscription.c.status != literal(EventSubscriptionStatus.DISABLED.value),
    )
    # Whoever ends a stretch of deliveries at this moment locks the row too, and one of the two sees the other's work.
    .with_for_update(of=event_subscription)
)
ADDRESSEE = Prepared(
    select(event_subscription)
    .where(
        event_subscription.c.id == bindparam("name"),
        event_subscription.c.status != literal(EventSubscriptionStatus.DISABLED.value),
    )
    .with_for_update()
)
STRUCTURED = Prepared(select(event.c.structured).where(event.c.position == bindparam("at")))
INSERT_DELIVERY = Prepared(
    insert(delivery).values(
        event_subscription_id=bindparam("event_subscription_id"),
        number=bindparam("number"),
        due_at=bindparam("due_at"),
        status=literal(DeliveryStatus.PENDING.value),
        failures=literal(0),
    )
)
IN_RANGE = (
    select(event.c.number, event.c.structured)
    .where(event.c.number > bindparam("since"), event.c.number <= bindparam("through"))
    .order_by(event.c.number)
    .limit(bindparam("at_most"))
)
READ_EVENTS = Prepared(IN_RANGE)
READ_OF_TYPE = Prepared(IN_RANGE.where(event.c.type == bindparam("text")))
READ_BELOW_TYPE = Prepared(
    IN_RANGE.where(func.substr(event.c.type, 1, bindparam("length")) == bindparam("text"))
)
FIRST_NUMBER = (
    select(event.c.number)
    .where(event.c.number.is_not(None))
    .order_by(event.c.number)
    .limit(literal(1))
    .scalar_subquery()
    .label("first_number")
)
ENDS = Prepared(select(event_log.c.last_number, FIRST_NUMBER))
# The oldest numbers are looked at and no others, so that a log with nothing to drop costs one look.
OLDEST = (
    select(event.c.position)
    .where(event.c.number.is_not(None))
    .order_by(event.c.number)
    .limit(bindparam("at_most"))
)
OLD_NUMBERS = (
    select(event.c.number, event.c.published_at)
    .where(event.c.number.is_not(None))
    .order_by(event.c.number)
    .limit(bindparam("at_most"))
    .subquery()
)
LAST_OLD = (
    select(func.max(OLD_NUMBERS.c.number))
    .where(OLD_NUMBERS.c.published_at < bindparam("before"))
    .scalar_subquery()
)
PRUNE_DELIVERIES = Prepared(
    delete(delivery).where(
        tuple_(delivery.c.event_subscription_id, delivery.c.number).in_(
            select(delivery.c.event_subscription_id, delivery.c.number)
            .where(delivery.c.number <= LAST_OLD)
            .order_by(delivery.c.number)
            .limit(bindparam("at_most"))
        )
    )
)
PRUNE = Prepared(
    delete(event).where(
        event.c.position.in_(OLDEST.scalar_subquery()),
        event.c.published_at < bindparam("before"),
    )
)

# Deliveries. The order (due_at, number) is that of the index; a stretch reads on from where it stopped.
PENDING = Prepared(
    select(
        delivery.c.number,
        delivery.c.due_at,
        delivery.c.failures,
        event.c.id,
        event.c.type,
        event.c.structured,
    )
    .join_from(delivery, event, event.c.number == delivery.c.number)
    .where(
        delivery.c.event_subscription_id == bindparam("name"),
        delivery.c.due_at.is_not(None),
        delivery.c.due_at <= bindparam("present"),
        tuple_(delivery.c.due_at, delivery.c.number)
        > tuple_(bindparam("after_due_at"), bindparam("after_number")),
    )
    .order_by(delivery.c.due_at, delivery.c.number)
    .limit(bindparam("at_most"))
)
THIS_DELIVERY = (
    delivery.c.event_subscription_id == bindparam("name"),
    delivery.c.number == bindparam("of_number"),
)
RECORD_DELIVERED = Prepared(
    update(delivery)
    .where(*THIS_DELIVERY)
    .values(
        status=literal(DeliveryStatus.DELIVERED.value), due_at=None, ended_at=bindparam("present")
    )
)
RECORD_FAILURE = Prepared(
    update(delivery)
    .where(*THIS_DELIVERY)
    .values(
        status=bindparam("to_status"),
        failures=bindparam("count"),
        due_at=bindparam("next_due_at"),
        ended_at=bindparam("ended"),
        last_error=bindparam("error"),
    )
)
EARLIEST = Prepared(
    select(delivery.c.due_at)
    .where(delivery.c.event_subscription_id == bindparam("name"), delivery.c.due_at.is_not(None))
    .order_by(delivery.c.due_at)
    .limit(literal(1))
)

# Delivering again.
RANGE = Prepared(
    select(event.c.number, event.c.type, event.c.subject, event.c.structured, event.c.addressee)
    .where(event.c.number >= bindparam("first"), event.c.number <= bindparam("last"))
    .order_by(event.c.number)
    .limit(bindparam("at_most"))
)
IN_STATUS = {"status": literal(DeliveryStatus.PENDING.value), "failures": literal(0)}
DELIVER_AGAIN = Prepared(
    sqlite.insert(delivery)
    .values(
        event_subscription_id=bindparam("event_subscription_id"),
        number=bindparam("number"),
        due_at=bindparam("due_at"),
        **IN_STATUS,
    )
    .on_conflict_do_update(
        index_elements=["event_subscription_id", "number"],
        set_={**IN_STATUS, "due_at": bindparam("due_at"), "ended_at": null(), "last_error": null()},
        where=delivery.c.due_at.is_(None),
    )
)
PUBLISHED_AT = Prepared(
    select(event.c.number, event.c.published_at)
    .where(event.c.number >= bindparam("at_least"))
    .order_by(event.c.number)
    .limit(literal(1))
)
OF_DEAD_LETTERS = (delivery.c.event_subscription_id == bindparam("name"), DEADLETTERED)
DEAD_LETTERS = Prepared(
    select(
        delivery.c.number,
        delivery.c.failures,
        delivery.c.last_error,
        delivery.c.ended_at,
        event.c.id,
        event.c.type,
        event.c.subject,
    )
    .join_from(delivery, event, event.c.number == delivery.c.number)
    .where(*OF_DEAD_LETTERS, delivery.c.number > bindparam("after"))
    .order_by(delivery.c.number)
    .limit(bindparam("at_most"))
)
AGAIN = {**IN_STATUS, "due_at": bindparam("present"), "ended_at": null(), "last_error": null()}
SOME_DEAD_LETTERS = (
    select(delivery.c.number)
    .where(*OF_DEAD_LETTERS, delivery.c.number <= bindparam("through"))
    .order_by(delivery.c.number)
    .limit(bindparam("at_most"))
)
REDRIVE_SOME = Prepared(
    update(delivery)
    .where(*OF_DEAD_LETTERS, delivery.c.number.in_(SOME_DEAD_LETTERS.scalar_subquery()))
    .values(AGAIN)
)
THE_EVENT = select(event.c.number).where(event.c.id == bindparam("event_id"))
REDRIVE_ONE = Prepared(
    update(delivery)
    .where(*OF_DEAD_LETTERS, delivery.c.number == THE_EVENT.scalar_subquery())
    .values(AGAIN)
)
DELIVERY_OF = Prepared(
    select(delivery.c.status, delivery.c.failures, delivery.c.last_error)
    .join_from(delivery, event, event.c.number == delivery.c.number)
    .where(
        delivery.c.event_subscription_id == bindparam("name"),
        event.c.id == bindparam("event_id"),
    )
)
