"""The event subscription of the topic that gets every event: made from a setting when a connector starts."""

from dataclasses import replace

from shared.clock import Clock
from shared.events import event_subscription_statements as statements
from shared.events.event_subscription import (
    EVENTS_TOPIC_ID,
    EventFilter,
    EventSubscription,
    from_row,
)
from shared.events.event_subscription_rows import insert, update
from shared.events.sink import Mode, SinkType
from shared.events.status import EventSubscriptionStatus
from shared.events.status_changes import StatusChanges
from shared.sql.database import Database, Transaction

NOT_SET = "TOCSIN_EVENTS_TOPIC is not set"


class EventsTopic:
    """Keeps it as the setting says; all else about it may be changed like that of any other."""

    def __init__(self, database: Database, clock: Clock, status_changes: StatusChanges) -> None:
        self._database = database
        self._clock = clock
        self._status_changes = status_changes

    async def keep(self, topic: str | None) -> None:
        """Send every event to `topic`, to none if that is None. Safe to repeat."""
        await self._database.run(lambda transaction: self._keep(transaction, topic))

    def _keep(self, transaction: Transaction, topic: str | None) -> None:
        rows = statements.LOCK.rows(transaction.connection, name=EVENTS_TOPIC_ID)
        present = from_row(rows[0]) if rows else None
        if topic is None:
            if present is not None and present.status is not EventSubscriptionStatus.DISABLED:
                self._status_changes.hold(
                    transaction, present, EventSubscriptionStatus.DISABLED, reason=NOT_SET
                )
            return
        wanted = EventSubscription(
            id=EVENTS_TOPIC_ID,
            name="every event",
            sink_type=SinkType.SERVICE_BUS_TOPIC,
            sink_settings={"topic": topic},
            filter=EventFilter(),
            mode=Mode.BINARY,
            status=EventSubscriptionStatus.ENABLED,
            created_at=self._clock.now(),
        )
        if present is None:
            insert(transaction, wanted)
            return
        if present.sink_settings != wanted.sink_settings:
            update(transaction, replace(present, sink_settings=wanted.sink_settings))
            self._status_changes.forget_health(transaction, present.id)
        if present.status_reason == NOT_SET:
            self._status_changes.set_enabled(transaction, present, per_minute=None)
