"""A test event: sent to one event subscription alone, to see whether its receiver takes it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from shared.clock import NO_TIME, Clock
from shared.events import statements
from shared.events.cloudevent import CloudEvent
from shared.events.event_subscription import EventSubscription
from shared.events.event_subscription_rows import locked
from shared.events.event_types import EventType
from shared.events.log import EventLog
from shared.events.status import DeliveryStatus, EventSubscriptionStatus
from shared.events.status_changes import check_status, log_change
from shared.sql.database import Database, Transaction
from shared.wire.json_types import JsonObject

FIRST_PAUSE = timedelta(milliseconds=50)
LONGEST_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A test event and what became of it by now."""

    event_id: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    failures: int = 0
    last_error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the receiver took it, or did not at the first time."""
        return self.status is not DeliveryStatus.PENDING or self.failures > 0

    def to_json(self) -> JsonObject:
        """Return what callers see."""
        document: JsonObject = {"eventId": self.event_id, "status": self.status.value}
        return document if self.last_error is None else document | {"lastError": self.last_error}


class Trials:
    """Sends test events, and waits for what becomes of them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        log: EventLog,
        new_id: Callable[[], str],
        source: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._new_id = new_id
        self._source = source

    async def send(
        self, event_subscription_id: str, *, caller: str, within: timedelta = NO_TIME
    ) -> Trial:
        """Publish a test event for one event subscription, and wait for up to `within` for its first attempt.

        It goes the way of every event, retries and dead letters included, past the filter.

        Raises:
            NotFoundError.
            ConflictError: it is not enabled.
        """
        event_id = f"{event_subscription_id}/tested/{self._new_id()}"

        def insert(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id)
            check_status(present, EventSubscriptionStatus.ENABLED)
            event = self._event(event_id, present.id, caller)
            self._log.insert(transaction, event, addressee=present.id)
            return present

        log_change("test_event_subscription", await self._database.run(insert), caller)
        await self._log.publish()
        return await self._outcome(event_subscription_id, event_id, within)

    async def _outcome(self, name: str, event_id: str, within: timedelta) -> Trial:
        until = self._clock.now() + within
        pause = FIRST_PAUSE
        while True:
            trial = await self._look(name, event_id)
            left = until - self._clock.now()
            if trial.is_over or left <= NO_TIME:
                return trial
            await self._clock.sleep(min(pause, left))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _look(self, name: str, event_id: str) -> Trial:
        def query(connection: Connection) -> Trial:
            rows = statements.DELIVERY_OF.rows(connection, name=name, event_id=event_id)
            if not rows:  # deleted meanwhile
                return Trial(event_id=event_id)
            return Trial(
                event_id=event_id,
                status=DeliveryStatus(rows[0].status),
                failures=rows[0].failures,
                last_error=rows[0].last_error,
            )

        return await self._database.read(query)

    def _event(self, event_id: str, name: str, caller: str) -> CloudEvent:
        event_type = EventType.EVENT_SUBSCRIPTION_TESTED
        return CloudEvent(
            id=event_id,
            source=self._source,
            type=event_type,
            subject=f"/eventsubscriptions/{name}",
            time=self._clock.now(),
            dataschema=event_type.dataschema,
            data={"eventSubscriptionId": name, "caller": caller},
        )
