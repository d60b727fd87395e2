"""What an event subscription goes through: enabled, paused, disabled, and pending while its receiver is asked.

Whoever delivers sees a change at its next write; whoever publishes wakes an enabled one only.
"""

import logging
from collections.abc import Awaitable, Callable

from shared.clock import Clock, to_microseconds
from shared.errors import ConflictError
from shared.events import event_subscription_statements as statements
from shared.events.event_subscription import EventSubscription
from shared.events.event_subscription_rows import locked, locked_row
from shared.events.handshake import Permission, Refusal
from shared.events.status import EventSubscriptionStatus
from shared.events.tables import delivery_work
from shared.messaging.broker import TransactionalSender
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

Ask = Callable[[EventSubscription], Awaitable[Permission | Refusal]]


class StatusChanges:
    """Changes the status of event subscriptions; `ask` asks a receiver for its permission."""

    def __init__(
        self, database: Database, clock: Clock, *, sender: TransactionalSender, ask: Ask
    ) -> None:
        self._database = database
        self._clock = clock
        self._work = delivery_work(sender)
        self._ask = ask

    async def pause(self, event_subscription_id: str, *, caller: str) -> EventSubscription:
        """Send it nothing more; what is published meanwhile is kept for it. A paused one stays as it is.

        Raises:
            NotFoundError.
            ConflictError: it is disabled or pending.
        """

        def change(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id)
            check_status(present, EventSubscriptionStatus.ENABLED, EventSubscriptionStatus.PAUSED)
            if present.status is EventSubscriptionStatus.ENABLED:
                self.hold(transaction, present, EventSubscriptionStatus.PAUSED)
            return locked(transaction, event_subscription_id)

        changed = await self._database.run(change)
        log_change("pause_event_subscription", changed, caller)
        return changed

    async def resume(self, event_subscription_id: str, *, caller: str) -> EventSubscription:
        """Send what waited while it was paused, and go on. An enabled one stays as it is.

        Raises:
            NotFoundError.
            ConflictError: it is disabled or pending.
        """

        def change(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id)
            check_status(present, EventSubscriptionStatus.ENABLED, EventSubscriptionStatus.PAUSED)
            if present.status is EventSubscriptionStatus.PAUSED:
                self.set_enabled(transaction, present, per_minute=present.rate_per_minute)
            return locked(transaction, event_subscription_id)

        changed = await self._database.run(change)
        log_change("resume_event_subscription", changed, caller)
        return changed

    async def enable(self, event_subscription_id: str, *, caller: str) -> EventSubscription:
        """Send again what was pending when it was disabled, and what is published from now on.

        Where the receiver has to agree first, it has been asked when this returns. An enabled one stays as it is.

        Raises:
            NotFoundError.
            ConflictError: it is paused.
        """

        def change(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id)
            if present.status is EventSubscriptionStatus.ENABLED:
                return present
            check_status(present, EventSubscriptionStatus.DISABLED, EventSubscriptionStatus.PENDING)
            self.hold(transaction, present, EventSubscriptionStatus.PENDING)
            return locked(transaction, event_subscription_id)

        changed = await self.ask_for_permission(await self._database.run(change))
        log_change("enable_event_subscription", changed, caller)
        return changed

    async def ask_for_permission(self, present: EventSubscription) -> EventSubscription:
        """Return a pending one as it is after its receiver was asked, where it has to be; any other as it is."""
        if present.status is not EventSubscriptionStatus.PENDING:
            return present
        answer = await self._ask(present) if present.asks_for_permission else Permission()

        def conclude(transaction: Transaction) -> EventSubscription:
            found = locked(transaction, present.id)
            is_pending = found.status is EventSubscriptionStatus.PENDING
            if not is_pending or found.sink_settings != present.sink_settings:
                return found  # whoever gave it another URL asks too
            if isinstance(answer, Permission):
                self.set_enabled(transaction, found, per_minute=answer.per_minute)
            else:
                statements.EXPLAIN.change(
                    transaction.connection, name=present.id, reason=answer.reason
                )
            return locked(transaction, present.id)

        return await self._database.run(conclude)

    def hold(
        self,
        transaction: Transaction,
        present: EventSubscription,
        status: EventSubscriptionStatus,
        *,
        reason: str | None = None,
    ) -> None:
        """Give it a status in which it is sent nothing."""
        statements.HOLD.change(
            transaction.connection, name=present.id, to_status=status.value, reason=reason
        )

    def set_enabled(
        self, transaction: Transaction, present: EventSubscription, *, per_minute: int | None
    ) -> None:
        """Enable it, and have looked for what waits."""
        statements.ENABLE.change(transaction.connection, name=present.id, per_minute=per_minute)
        self._look(transaction, present.id)

    def forget_health(self, transaction: Transaction, event_subscription_id: str) -> None:
        """Begin anew with a sink that has taken the place of another: that one's failures and waits do not count."""
        statements.FORGET_HEALTH.change(transaction.connection, name=event_subscription_id)
        self._look(transaction, event_subscription_id)

    def _look(self, transaction: Transaction, event_subscription_id: str) -> None:
        """Have an enabled one looked at for what waits."""
        row, now = locked_row(transaction, event_subscription_id), self._clock.now()
        is_later = row.due_at is None or row.due_at > to_microseconds(now)
        if row.status == EventSubscriptionStatus.ENABLED and is_later:
            self._work.schedule(
                transaction, event_subscription_id, attempt=row.attempt, due_at=now, now=now
            )


def check_status(present: EventSubscription, *allowed: EventSubscriptionStatus) -> None:
    if present.status not in allowed:
        raise ConflictError(f"event subscription {present.id} is {present.status}")


def log_change(action: str, changed: EventSubscription, caller: str) -> None:
    """Write the one line that tells who did what (audit)."""
    logger.info(
        "event subscription is %s",
        changed.status,
        extra={"action": action, "event_subscription_id": changed.id, "caller": caller},
    )
