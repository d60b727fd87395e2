"""The parts that publish: the event log, event subscriptions and deliveries."""

import os
import random
from contextlib import AsyncExitStack
from functools import cached_property
from urllib.parse import urlsplit

from shared.bootstrap.foundation import Foundation, new_id
from shared.events.delivery import Deliveries
from shared.events.delivery_store import DeliveryStore
from shared.events.event_subscriptions import Chance, EventSubscriptions
from shared.events.handshake import Handshake
from shared.events.log import EventLog
from shared.events.sink_settings import EndpointRules
from shared.events.sinks.webhook import Webhooks
from shared.events.status_changes import StatusChanges

# In the order in which they are built; they are closed in the opposite one.
CLOSED_PARTS = ("_webhooks",)
LOCAL_ORIGIN = "localhost"
"""What receivers know us by where TOCSIN_PUBLIC_URL is not set."""


class EventParts:
    """Each is built when it is first asked for."""

    def __init__(self, foundation: Foundation) -> None:
        self._on = foundation

    @cached_property
    def event_log(self) -> EventLog:
        return EventLog(self._on.database, self._on.clock, self._on.broker)

    @cached_property
    def event_subscriptions(self) -> EventSubscriptions:
        return EventSubscriptions(
            self._on.database,
            self._on.clock,
            sealer=self._on.sealer(),
            rules=EndpointRules(guard=self._on.guard),
            chance=Chance(new_id=new_id, random_bytes=os.urandom),
            status_changes=self.status_changes,
        )

    @cached_property
    def status_changes(self) -> StatusChanges:
        return StatusChanges(
            self._on.database, self._on.clock, sender=self._on.broker, ask=self._handshake.ask
        )

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(
            self.delivery_store,
            self._on.clock,
            sealer=self._on.sealer(),
            open_sink=self._webhooks.open,
            random=random.random,
            source=self._on.source,
        )

    @cached_property
    def delivery_store(self) -> DeliveryStore:
        return DeliveryStore(self._on.database, self.event_log, self._on.broker)

    async def close(self) -> None:
        """Close what was built."""
        async with AsyncExitStack() as parts:
            for name in CLOSED_PARTS:
                if name in self.__dict__:
                    parts.push_async_callback(self.__dict__[name].close)

    @cached_property
    def _webhooks(self) -> Webhooks:
        settings = self._on.settings
        return Webhooks(self._on.guard, self._on.clock, timeout=settings.webhook_timeout)

    @cached_property
    def _handshake(self) -> Handshake:
        settings = self._on.settings
        return Handshake(
            self._webhooks.session,
            origin=urlsplit(settings.public_url or "").hostname or LOCAL_ORIGIN,
            timeout=settings.webhook_timeout,
        )
