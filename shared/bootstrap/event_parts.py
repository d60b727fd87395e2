"""The parts that publish: the event log, event subscriptions and deliveries."""

import os
import random
from contextlib import AsyncExitStack
from functools import cached_property
from urllib.parse import urlsplit

from shared.aws.clients import AwsClients
from shared.aws.connection import connection_of, region_of
from shared.bootstrap.foundation import Foundation
from shared.events.delivery import Deliveries
from shared.events.delivery_store import DeliveryStore
from shared.events.event_subscriptions import Chance, EventSubscriptions
from shared.events.events_topic import EventsTopic
from shared.events.following import Following
from shared.events.handshake import Handshake
from shared.events.log import EventLog
from shared.events.redelivery import Redelivery
from shared.events.sink_settings import EndpointRules
from shared.events.sinks.by_type import AwsSinks, SinksByType
from shared.events.sinks.service_bus import NamespaceSender, ServiceBusSinks
from shared.events.sinks.webhook import Webhooks
from shared.events.status_changes import StatusChanges
from shared.events.trials import Trials
from shared.random_ids import new_id

# In the order in which they are built; they are closed in the opposite one.
CLOSED_PARTS = ("_webhooks", "_service_bus", "_aws_clients")
LOCAL_ORIGIN = "localhost"
"""What receivers know us by where TOCSIN_PUBLIC_URL is not set."""


class EventParts:
    """Each is built when it is first asked for."""

    def __init__(self, foundation: Foundation) -> None:
        self._on = foundation

    @cached_property
    def event_log(self) -> EventLog:
        return EventLog(
            self._on.database,
            self._on.clock,
            self._on.broker,
            kept=self._on.settings.events_kept,
        )

    @cached_property
    def following(self) -> Following:
        return Following(self.event_log, self._on.clock)

    @cached_property
    def event_subscriptions(self) -> EventSubscriptions:
        return EventSubscriptions(
            self._on.database,
            self._on.clock,
            sealer=self._on.sealer(),
            rules=self._endpoint_rules,
            chance=Chance(new_id=new_id, random_bytes=os.urandom),
            status_changes=self.status_changes,
        )

    @cached_property
    def status_changes(self) -> StatusChanges:
        return StatusChanges(
            self._on.database, self._on.clock, sender=self._on.broker, ask=self._handshake.ask
        )

    @cached_property
    def events_topic(self) -> EventsTopic:
        return EventsTopic(self._on.database, self._on.clock, self.status_changes)

    @cached_property
    def redelivery(self) -> Redelivery:
        return Redelivery(self._on.database, self._on.clock, self._on.broker)

    @cached_property
    def trials(self) -> Trials:
        return Trials(
            self._on.database,
            self._on.clock,
            log=self.event_log,
            new_id=new_id,
            source=self._on.source,
        )

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(
            self.delivery_store,
            self._on.clock,
            sealer=self._on.sealer(),
            open_sink=self._sinks.open,
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

    @property
    def _endpoint_rules(self) -> EndpointRules:
        settings = self._on.settings
        return EndpointRules(
            guard=self._on.guard,
            aws_region=region_of(settings),
            aws_endpoint=settings.aws_endpoint,
            commands_url=settings.sqs_commands_url,
        )

    @cached_property
    def _sinks(self) -> SinksByType:
        settings = self._on.settings
        return SinksByType(
            webhooks=self._webhooks,
            service_bus=self._service_bus,
            aws=AwsSinks(
                self._aws_clients,
                self._on.clock,
                region=region_of(settings),
                time_limit=settings.webhook_timeout,
            ),
        )

    @cached_property
    def _aws_clients(self) -> AwsClients:
        settings = self._on.settings
        return AwsClients(connection_of(settings), time_limit=settings.webhook_timeout)

    @cached_property
    def _service_bus(self) -> ServiceBusSinks:
        return ServiceBusSinks(
            self._on.broker,
            new_sender=self._new_sender,
            time_limit=self._on.settings.webhook_timeout,
        )

    def _new_sender(self, connection_string: str) -> NamespaceSender:
        from shared.messaging.servicebus.broker import ServiceBusBroker
        from shared.messaging.servicebus.connection import ServiceBusConnection

        connection = ServiceBusConnection(connection_string=connection_string)
        return ServiceBusBroker(connection, clock=self._on.clock)

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
