"""Delivery: an event subscription with something due is leased, and what is due is sent.

As many calls are on their way to one sink as it bears, each with as many events as it takes; after a failure one with
one event, until one succeeds. Nothing is shared between event subscriptions but the turns of the event loop, in which
slow and failing ones come last (`turns`), so such a one delays nobody else. A stretch ends after 30 s: with the sink's
time limit it stays within its lease of 60 s.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta

from shared.clock import Clock
from shared.errors import LeaseLostError
from shared.events.delivery_ledger import Ledger
from shared.events.delivery_store import (
    BEGINNING,
    CHUNK,
    DeliveryStore,
    PendingDelivery,
    Report,
    Stretch,
)
from shared.events.event_subscription import EventSubscription
from shared.events.sink import (
    Destination,
    EventSink,
    NotDelivered,
    OpenSink,
    Outcome,
    OutgoingEvent,
)
from shared.events.stored_secrets import secret_context
from shared.events.turns import Line, Turns
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Nothing, NotYet, when_due
from shared.sealing import Sealer

logger = logging.getLogger(__name__)

STRETCH = timedelta(seconds=30)
WRITE_AFTER = 24
WRITE_EVERY = timedelta(seconds=1)
"""Each write shows too whether the event subscription was paused or changed meanwhile."""


class Deliveries:
    """Handles the wake-ups of event subscriptions."""

    def __init__(
        self,
        store: DeliveryStore,
        clock: Clock,
        *,
        sealer: Sealer,
        open_sink: OpenSink,
        random: Callable[[], float],
        source: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sealer = sealer
        self._open_sink = open_sink
        self._random = random
        self._source = source
        self._turns = Turns()

    async def deliver(self, wake_up: WakeUp) -> None:
        """Send what is due to one event subscription; returns when nothing more is, or after 30 s."""
        stretch = await when_due(lambda: self._start(wake_up), self._clock)
        if stretch is not None:
            await self._run(stretch)

    async def sweep(self) -> int:
        """Find lost work: publish what waits for it and wake what is overdue; returns how many were woken."""
        return await self._store.sweep(now=self._clock.now())

    async def _start(self, wake_up: WakeUp) -> Stretch | NotYet | Nothing:
        with self._turns.at_work():
            return await self._store.start(wake_up, now=self._clock.now())

    async def _run(self, stretch: Stretch) -> None:
        sink = self._open_sink(self._destination(stretch.event_subscription))
        ledger = Ledger(
            stretch,
            random=self._random,
            source=self._source,
            keeps_order=sink.limits.keeps_order,
        )
        try:
            pipeline = Pipeline(
                stretch, ledger, sink, store=self._store, clock=self._clock, turns=self._turns
            )
            await pipeline.run()
        except* LeaseLostError:
            logger.info(
                "delivery stopped: the lease is another's, or the event subscription is gone",
                extra={"action": "lose_lease", "event_subscription_id": stretch.lease.id},
            )
        if ledger.has_told:
            await self._store.publish()

    def _destination(self, wanted: EventSubscription) -> Destination:
        context, now = secret_context(wanted.id), self._clock.now()
        return Destination(
            type=wanted.sink_type,
            settings=wanted.sink_settings,
            mode=wanted.mode,
            secrets=tuple(
                self._sealer.unseal(one.sealed, context=context)
                for one in wanted.secrets
                if one.is_valid(now)
            ),
        )


class Pipeline:
    """One stretch: workers take deliveries from one line, as many as the sink bears."""

    def __init__(
        self,
        stretch: Stretch,
        ledger: Ledger,
        sink: EventSink,
        *,
        store: DeliveryStore,
        clock: Clock,
        turns: Turns,
    ) -> None:
        self._stretch = stretch
        self._lease = stretch.lease
        self._ledger = ledger
        self._sink = sink
        self._store = store
        self._clock = clock
        self._turns = turns
        self._until = clock.now() + STRETCH
        self._written_at = clock.now()
        self._line = deque(stretch.first)
        self._is_whole = len(stretch.first) < CHUNK
        self._after = stretch.first[-1].place if stretch.first else BEGINNING
        self._loading = asyncio.Lock()
        self._writing = False
        self._workers = 0

    async def run(self) -> None:
        """Send and record until nothing is due, the sink wants a pause, or the time is up; then end the lease."""
        await self._send_all()
        while not await self._close():
            self._after, self._is_whole = BEGINNING, False
            await self._send_all()

    def _waits_in(self) -> Line:
        if self._ledger.health.failing_since is not None:
            return Line.FAILING
        is_slow = self._turns.is_slow(self._lease.id, now=self._clock.now())
        return Line.SLOW if is_slow else Line.FIRST

    async def _send_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._add_worker()

    def _width(self) -> int:
        """How many may be on their way at this moment."""
        now = self._clock.now()
        held_until = self._ledger.health.held_until
        if self._ledger.disabling or now >= self._until or (held_until and held_until > now):
            return 0
        return 1 if self._ledger.health.failing_since else self._sink.limits.calls

    def _add_worker(self) -> None:
        self._workers += 1
        self._group.create_task(self._work())

    async def _work(self) -> None:
        try:
            while await self._has_turn() and (batch := await self._take()):
                if self._line and self._workers < self._width():
                    self._add_worker()
                outcomes = await self._send(batch)
                for delivery, outcome in zip(batch, outcomes, strict=True):
                    self._ledger.note(delivery, outcome, now=self._clock.now())
                if self._is_time_to_write() and not self._writing:
                    await self._write()
        finally:
            self._workers -= 1

    async def _has_turn(self) -> bool:
        """Wait for a turn, if there is something for this worker to send; returns whether there still is then."""
        if self._is_needed():
            await self._turns.take(self._waits_in())
        return self._is_needed()

    def _is_needed(self) -> bool:
        return self._workers <= self._width() and bool(self._line or not self._is_whole)

    async def _take(self) -> list[PendingDelivery]:
        async with self._loading:
            if not self._line and not self._is_whole:
                more = await self._store.pending(
                    self._lease, after=self._after, now=self._clock.now()
                )
                self._is_whole = len(more) < CHUNK
                if more:
                    self._line.extend(more)
                    self._after = more[-1].place
        return self._next_batch()

    def _next_batch(self) -> list[PendingDelivery]:
        """Take from the line what one call bears and the rate allows: after a failure one event."""
        limits = self._sink.limits
        most = 1 if self._ledger.health.failing_since else limits.events
        now = self._clock.now()
        if (allowed := self._ledger.allowed(now=now)) is not None:
            most = min(most, allowed)
        batch: list[PendingDelivery] = []
        size = 0
        while self._line and len(batch) < most:
            size += len(self._line[0].structured)
            if batch and size > limits.bytes:
                break
            batch.append(self._line.popleft())
        self._ledger.note_sending(len(batch), now=now)
        return batch

    async def _send(self, batch: Sequence[PendingDelivery]) -> Sequence[Outcome]:
        began = self._clock.now()
        is_quick = self._waits_in() is Line.FIRST
        try:
            with self._turns.at_work() if is_quick else nullcontext():
                return await self._sink.send([outgoing(delivery) for delivery in batch])
        except Exception:  # a bug in one sink must not stop what goes elsewhere
            logger.exception("sink failed", extra=self._extra("send", batch[0]))
            return [NotDelivered("internal error")] * len(batch)
        finally:
            now = self._clock.now()
            self._turns.note(self._lease.id, now - began, now=now)

    def _is_time_to_write(self) -> bool:
        return (
            len(self._ledger) >= WRITE_AFTER or self._clock.now() - self._written_at >= WRITE_EVERY
        )

    async def _write(self) -> None:
        self._writing = True
        try:
            now = self._written_at = self._clock.now()
            report = self._ledger.take()
            if not await self._store.record(self._stretch, report):
                self._until = now
            self._log(report)
        finally:
            self._writing = False

    async def _close(self) -> bool:
        self._line.clear()
        self._ledger.hold_to_rate(now=self._clock.now())
        report = self._ledger.take()
        closed = await self._store.close(
            self._stretch, report, now=self._clock.now(), go_on=self._width() > 0
        )
        self._log(report)
        return closed

    def _log(self, report: Report) -> None:
        for one in report.ended:
            if one.reason is not None:
                level = logging.WARNING if one.next_due_at is None else logging.INFO
                logger.log(
                    level,
                    "not delivered: %s",
                    one.reason,
                    extra=self._extra(
                        "give_up" if one.next_due_at is None else "retry", one.delivery
                    ),
                )

    def _extra(self, action: str, delivery: PendingDelivery) -> dict[str, str]:
        return {
            "action": action,
            "event_subscription_id": self._lease.id,
            "event_id": delivery.event_id,
        }


def outgoing(delivery: PendingDelivery) -> OutgoingEvent:
    return OutgoingEvent(delivery.event_id, delivery.event_type, delivery.structured)
