"""The tables of events: the log, the event subscriptions with their filters, and the deliveries.

`event.position` is the order of insertion, `event.number` the one order of the log; it is given by `publish`. An event
with an `addressee` goes to that event subscription alone. `delivery.due_at` is NULL once the delivery has ended. An
event subscription is a row of work (shared.messaging.work); `version` tells its settings apart from those before, and
`replay_next` is the number at which a replay goes on, up to `replay_last`.
"""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
)

from shared.events.status import DeliveryStatus
from shared.messaging.broker import TransactionalSender
from shared.messaging.entities import DELIVERIES
from shared.messaging.work import WorkRows
from shared.messaging.work_table import sweep_index, work_columns
from shared.sql.columns import NUMBER, only_where
from shared.sql.migrations import Schema

SCHEMA = Schema(name="events", scripts=Path(__file__).parent / "migrations", head="0002")
LEASE = timedelta(seconds=60)

metadata = MetaData()

event_log = Table(
    "event_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last_number", BigInteger, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("position", NUMBER, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("number", BigInteger, unique=True),
    Column("published_at", BigInteger),
    Column("type", Text, nullable=False),
    Column("subject", Text),
    Column("structured", LargeBinary, nullable=False),
    Column("addressee", Text),
    sqlite_autoincrement=True,
)
Index(
    "ix_event_unnumbered",
    event.c.position,
    **only_where(event.c.number.is_(None)),
)

event_subscription = Table(
    "event_subscription",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("sink_type", Text, nullable=False),
    Column("sink_settings", Text, nullable=False),
    Column("sealed_secrets", Text, nullable=False),
    Column("filter_types", Text, nullable=False),
    Column("subject_prefix", Text, nullable=False),
    Column("filter_data", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("retry_schedule", Text),
    Column("rate_per_second", Integer),
    Column("rate_per_minute", Integer),
    Column("rate_full_at", BigInteger),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_reason", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("failing_since", BigInteger),
    Column("held_until", BigInteger),
    Column("replay_next", BigInteger),
    Column("replay_last", BigInteger),
    *work_columns(),
)
sweep_index(event_subscription)

event_filter = Table(
    "event_filter",
    metadata,
    Column("type", Text, primary_key=True),
    Column(
        "event_subscription_id",
        ForeignKey(event_subscription.c.id, ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)

delivery = Table(
    "delivery",
    metadata,
    Column(
        "event_subscription_id",
        ForeignKey(event_subscription.c.id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "number",
        ForeignKey(event.c.number, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    ),
    Column("due_at", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False),
    Column("ended_at", BigInteger),
    Column("last_error", Text),
)
Index(
    "ix_delivery_due",
    delivery.c.event_subscription_id,
    delivery.c.due_at,
    delivery.c.number,
    **only_where(delivery.c.due_at.is_not(None)),
)
DEADLETTERED = delivery.c.status == literal_column(f"'{DeliveryStatus.DEADLETTERED.value}'")
"""Written out: a parameter would not lead to the index."""
Index(
    "ix_delivery_deadlettered",
    delivery.c.event_subscription_id,
    delivery.c.number,
    **only_where(DEADLETTERED),
)


def delivery_work(sender: TransactionalSender) -> WorkRows:
    """Return the mechanism for event subscriptions with something to deliver."""
    return WorkRows(event_subscription, key="id", queue=DELIVERIES, lease=LEASE, sender=sender)
