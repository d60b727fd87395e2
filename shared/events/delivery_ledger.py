"""What follows from the outcome of a delivery: done, due again, given up; and how the sink is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from shared.clock import from_microseconds
from shared.events.cloudevent import CloudEvent
from shared.events.delivery_store import Disabling, Ended, PendingDelivery, Report, Stretch
from shared.events.event_types import EventType
from shared.events.retry_schedule import next_delay
from shared.events.sink import Delivered, Gone, HeldBack, NotDelivered, Outcome

LONGEST_FAILURE = timedelta(days=5)


class Ledger:
    """The outcomes of one stretch that are not yet written, and what they say about the sink."""

    def __init__(
        self,
        stretch: Stretch,
        *,
        random: Callable[[], float],
        source: str,
        keeps_order: bool = False,
    ) -> None:
        self._name = stretch.lease.id
        self._attempt = stretch.lease.attempt
        self._random = random
        self._source = source
        self._keeps_order = keeps_order
        self._delays = stretch.event_subscription.delays
        self._rate = stretch.event_subscription.rate_limit
        self._ended: list[Ended] = []
        self._events: list[CloudEvent] = []
        self.health = stretch.health
        self.disabling: Disabling | None = None
        self.has_told = False

    def __len__(self) -> int:
        return len(self._ended)

    def note(self, delivery: PendingDelivery, outcome: Outcome, *, now: datetime) -> None:
        """Add one outcome."""
        match outcome:
            case Delivered():
                self._ended.append(Ended(delivery=delivery, at=now))
                if self.health.failing_since is not None:
                    self.health = replace(self.health, failing_since=None)
            case NotDelivered():
                self._note_failure(delivery, outcome, now)
            case Gone():
                self._keep(delivery, "HTTP 410", due_at=now, now=now)
                self._disable("the receiver answered 410 Gone", now)
            case HeldBack():
                pass  # it stays due, behind the one that it must not overtake
            case _:
                assert_never(outcome)

    def allowed(self, *, now: datetime) -> int | None:
        """Return how many events the rate limit lets through at this moment; None: as many as there are."""
        return None if self._rate is None else self._rate.tokens(self.health.rate_full_at, now)

    def note_sending(self, count: int, *, now: datetime) -> None:
        """Count events that are about to be sent against the rate limit."""
        if self._rate is not None:
            full_at = self._rate.take(self.health.rate_full_at, now, count=count)
            self.health = replace(self.health, rate_full_at=full_at)

    def hold_to_rate(self, *, now: datetime) -> None:
        """When the rate limit lets nothing through, leave the sink alone until it does again."""
        full_at = self.health.rate_full_at
        if self._rate is not None and full_at is not None and self.allowed(now=now) == 0:
            refilled_at = self._rate.refilled_at(full_at, now)
            held_until = max(self.health.held_until or refilled_at, refilled_at)
            self.health = replace(self.health, held_until=held_until)

    def take(self) -> Report:
        """Return what is to be written, and forget it."""
        report = Report(
            ended=self._ended, events=self._events, health=self.health, disabling=self.disabling
        )
        self._ended, self._events = [], []
        return report

    def _note_failure(
        self, delivery: PendingDelivery, outcome: NotDelivered, now: datetime
    ) -> None:
        if outcome.is_permanent:
            # The fault of the event, which says nothing about the sink.
            self._give_up(delivery, outcome.reason, now)
            return
        held_until = self.health.held_until
        delay = next_delay(delivery.failures + 1, random=self._random, delays=self._delays)
        if delay is None:
            self._give_up(delivery, outcome.reason, now)
        elif self._keeps_order:
            # It keeps its place, and everything waits for it.
            due_at = from_microseconds(delivery.due_at)
            self._keep(delivery, outcome.reason, due_at=due_at, now=now)
            held_until = max(held_until or now, now + delay)
        else:
            self._keep(delivery, outcome.reason, due_at=now + delay, now=now)
        if outcome.retry_after is not None:
            held_until = max(held_until or now, now + outcome.retry_after)
        since = self.health.failing_since or now
        self.health = replace(self.health, failing_since=since, held_until=held_until)
        if now - since >= LONGEST_FAILURE:
            self._disable("every delivery has failed for five days", now)

    def _give_up(self, delivery: PendingDelivery, reason: str, now: datetime) -> None:
        self._keep(delivery, reason, due_at=None, now=now)
        self._tell_dead_letter(delivery, reason, now)

    def _keep(
        self, delivery: PendingDelivery, reason: str, *, due_at: datetime | None, now: datetime
    ) -> None:
        self._ended.append(
            Ended(
                delivery=delivery,
                at=now,
                failures=delivery.failures + 1,
                reason=reason,
                next_due_at=due_at,
            )
        )

    def _tell_dead_letter(self, delivery: PendingDelivery, reason: str, now: datetime) -> None:
        # The dead letter of a dead letter is not told: two dead sinks would tell each other for ever.
        if delivery.event_type != EventType.DELIVERY_DEADLETTERED:
            # Redriven within this very stretch it is due at another time; in another one that may be the same time.
            time = f"{self._attempt}/{delivery.due_at}"
            self._events.append(
                self._event(
                    EventType.DELIVERY_DEADLETTERED,
                    f"{self._name}/{delivery.event_id}/deadlettered/{time}",
                    {
                        "eventId": delivery.event_id,
                        "attempts": delivery.failures + 1,
                        "reason": reason,
                    },
                    now,
                )
            )

    def _disable(self, reason: str, now: datetime) -> None:
        if self.disabling is None:
            name = f"{self._name}/disabled/{self._attempt}"
            told = self._event(EventType.EVENT_SUBSCRIPTION_DISABLED, name, {"reason": reason}, now)
            self.disabling = Disabling(reason, told)

    def _event(
        self, event_type: EventType, event_id: str, details: dict[str, str | int], now: datetime
    ) -> CloudEvent:
        self.has_told = True
        return CloudEvent(
            id=event_id,
            source=self._source,
            type=event_type,
            subject=f"/eventsubscriptions/{self._name}",
            time=now,
            dataschema=event_type.dataschema,
            data={"eventSubscriptionId": self._name, **details},
        )
