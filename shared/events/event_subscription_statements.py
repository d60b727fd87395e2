"""Every SQL statement of event subscriptions."""

from sqlalchemy import bindparam, delete, insert, literal, null, select, update

from shared.events.status import EventSubscriptionStatus
from shared.events.tables import delivery, event_filter, event_subscription
from shared.sql.prepared import Prepared

THIS = event_subscription.c.id == bindparam("name")
CHANGED = event_subscription.c.version + 1

INSERT = Prepared(
    insert(event_subscription).values(
        id=bindparam("id"),
        name=bindparam("name"),
        sink_type=bindparam("sink_type"),
        sink_settings=bindparam("sink_settings"),
        sealed_secrets=bindparam("sealed_secrets"),
        filter_types=bindparam("filter_types"),
        subject_prefix=bindparam("subject_prefix"),
        filter_data=bindparam("filter_data"),
        mode=bindparam("mode"),
        retry_schedule=bindparam("retry_schedule"),
        rate_per_second=bindparam("rate_per_second"),
        version=literal(1),
        status=bindparam("status"),
        created_at=bindparam("created_at"),
    )
)
INSERT_FILTER = Prepared(
    insert(event_filter).values(
        type=bindparam("type"), event_subscription_id=bindparam("event_subscription_id")
    )
)
DELETE_FILTERS = Prepared(
    delete(event_filter).where(event_filter.c.event_subscription_id == bindparam("name"))
)
GET = Prepared(select(event_subscription).where(THIS))
LOCK = Prepared(select(event_subscription).where(THIS).with_for_update())
LIST = Prepared(
    select(event_subscription).order_by(event_subscription.c.created_at, event_subscription.c.id)
)

# Changes that callers ask for; each makes another version.
CHANGE = Prepared(
    update(event_subscription)
    .where(event_subscription.c.id == bindparam("this_id"))
    .values(
        name=bindparam("name"),
        sink_settings=bindparam("sink_settings"),
        sealed_secrets=bindparam("sealed_secrets"),
        filter_types=bindparam("filter_types"),
        subject_prefix=bindparam("subject_prefix"),
        filter_data=bindparam("filter_data"),
        mode=bindparam("mode"),
        retry_schedule=bindparam("retry_schedule"),
        rate_per_second=bindparam("rate_per_second"),
        version=CHANGED,
    )
)
SET_SECRETS = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(sealed_secrets=bindparam("sealed_secrets"), version=CHANGED)
)
# Nothing wakes a row without `due_at`; a stretch that runs at this moment sees the status when it writes.
HOLD = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(
        status=bindparam("to_status"),
        status_reason=bindparam("reason"),
        version=CHANGED,
        due_at=null(),
        sweep_at=null(),
    )
)
ENABLE = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(
        status=literal(EventSubscriptionStatus.ENABLED.value),
        status_reason=null(),
        version=CHANGED,
        failing_since=null(),
        held_until=null(),
        rate_per_minute=bindparam("per_minute"),
    )
)
# Another sink: how the former one was, and what its receiver has permitted, says nothing of it.
FORGET_HEALTH = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(failing_since=null(), held_until=null(), rate_per_minute=null())
)
EXPLAIN = Prepared(update(event_subscription).where(THIS).values(status_reason=bindparam("reason")))
# Raising `attempt` takes the lease from whoever delivers at this moment.
END = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(
        status=literal(EventSubscriptionStatus.DISABLED.value),
        status_reason=literal("is being deleted"),
        version=CHANGED,
        attempt=event_subscription.c.attempt + 1,
        lease_until=None,
        due_at=None,
        sweep_at=None,
    )
)
SOME_DELIVERIES = (
    select(delivery.c.number)
    .where(delivery.c.event_subscription_id == bindparam("name"))
    .limit(bindparam("at_most"))
)
DELETE_DELIVERIES = Prepared(
    delete(delivery).where(
        delivery.c.event_subscription_id == bindparam("name"),
        delivery.c.number.in_(SOME_DELIVERIES.scalar_subquery()),
    )
)
DELETE = Prepared(delete(event_subscription).where(THIS))

# What a stretch of deliveries reads and writes.
FENCE = Prepared(
    select(
        event_subscription.c.attempt,
        event_subscription.c.status,
        event_subscription.c.version,
        event_subscription.c.failing_since,
        event_subscription.c.held_until,
        event_subscription.c.rate_full_at,
        event_subscription.c.replay_next,
        event_subscription.c.replay_last,
    )
    .where(THIS)
    .with_for_update()
)
RECORD_HEALTH = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(
        failing_since=bindparam("failing"),
        held_until=bindparam("held"),
        rate_full_at=bindparam("full_at"),
    )
)
END_FAILURE = Prepared(update(event_subscription).where(THIS).values(failing_since=null()))
DISABLE = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(
        status=literal(EventSubscriptionStatus.DISABLED.value),
        status_reason=bindparam("reason"),
        version=CHANGED,
    )
)
SET_REPLAY = Prepared(
    update(event_subscription)
    .where(THIS)
    .values(replay_next=bindparam("next_number"), replay_last=bindparam("last_number"))
)
