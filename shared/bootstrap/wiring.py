"""Every part of one process and how they are wired."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import datetime
from functools import cached_property

from shared.bootstrap.admission_parts import AdmissionParts
from shared.bootstrap.connector_parts import ConnectorParts
from shared.bootstrap.data_keys import load_key_ring, sealed_tables
from shared.bootstrap.event_parts import EventParts
from shared.bootstrap.foundation import Foundation, ProcessBroker
from shared.bootstrap.scheduler_parts import SchedulerParts
from shared.bootstrap.sqs_parts import SqsParts
from shared.bootstrap.storage import Storage, storage_of
from shared.clock import Clock, SystemClock
from shared.connector.callers import Callers
from shared.connector.connector import Connector
from shared.connector.history import History
from shared.connector.replies import reply_queue_descriptions
from shared.connector.request_rate import RequestRate
from shared.connector.sqs_commands import SqsCommands
from shared.data_keys.key_check import check_key
from shared.data_keys.resealing import Resealing
from shared.errors import TransientError
from shared.events.delivery import Deliveries
from shared.events.event_subscriptions import EventSubscriptions
from shared.events.following import Following
from shared.events.log import EventLog
from shared.events.redelivery import Redelivery
from shared.events.status_changes import StatusChanges
from shared.events.trials import Trials
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import TOCSIN_QUEUES, TopicDescription
from shared.outbound.guard import AddressGuard
from shared.sealing import Sealer
from shared.settings import BrokerKind, Role, Settings
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

# In the order in which they are built; they are closed in the opposite one.
CLOSED_PARTS = (
    "_database",
    "broker",
    "_event_parts",
    "_connector_parts",
    "_sqs_parts",
    "_admission_parts",
    "scheduler",
)


class Application:
    """Every part of one process, wired by its settings; `open` comes before all else, `close` last.

    `clock` is the machine's unless another is given; identities are judged by the machine's in any case.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.identity_clock = SystemClock()
        self.clock: Clock = clock or self.identity_clock
        self._opening = asyncio.Lock()
        self._is_open = False
        self._closing: asyncio.Task[None] | None = None
        self._storage: Storage | None = None

    async def open(self) -> None:
        """Take the database, bring its tables up to date and take over what a dead process held.

        When that fails, nothing is left open, and it can be tried again.

        Raises:
            ConfigurationError: another process owns the folder, or the database cannot be used.
            TransientError: it was closed, and stays so; or the database's server does not answer at present.
        """
        if self._is_open and self._closing is None:
            return
        async with self._opening:
            if self._closing is not None:
                raise TransientError("this process is ending")
            if self._is_open:
                return
            storage = self._storage = storage_of(self.settings)
            try:
                await storage.take()
                with storage.usable():
                    await self._take_over(is_alone=storage.is_own)
            except BaseException:
                try:
                    await self._let_go()
                finally:
                    self._forget_parts()
                raise
            self._is_open = True

    async def close(self) -> None:
        """Let go of everything that was opened, even if the caller is cancelled meanwhile.

        Closed parts are kept: whoever is late must meet them, and not build others on a folder that is not ours.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        async with self._opening:
            if self._is_open:
                await self._let_go()

    async def _let_go(self) -> None:
        """Close what was built, then let go of the database; a part that cannot be closed keeps no other open."""
        async with AsyncExitStack() as parts:
            if self._storage is not None:
                parts.callback(self._storage.let_go)
            for name in CLOSED_PARTS:
                if name in self.__dict__:
                    parts.push_async_callback(self.__dict__[name].close)

    def _forget_parts(self) -> None:
        """Have every part built anew when it is next asked for."""
        for name, member in vars(Application).items():
            if isinstance(member, cached_property):
                self.__dict__.pop(name, None)

    @cached_property
    def broker(self) -> ProcessBroker:
        if self.settings.broker is BrokerKind.SERVICEBUS:
            return service_bus_broker(self.settings, self.clock)
        topic = self.settings.events_topic
        return EmbeddedBroker(
            self._database,
            clock=self.clock,
            queues=(*TOCSIN_QUEUES, *reply_queue_descriptions(self.settings.reply_queues)),
            topics=(TopicDescription(name=topic),) if topic else (),
        )

    @property
    def connector(self) -> Connector:
        return self._connector_parts.connector

    @property
    def sqs_commands(self) -> SqsCommands:
        return self._sqs_parts.commands

    @property
    def history(self) -> History:
        return self._connector_parts.history

    @property
    def callers(self) -> Callers:
        return self._admission_parts.callers

    @property
    def request_rate(self) -> RequestRate | None:
        return self._admission_parts.request_rate

    @property
    def event_log(self) -> EventLog:
        return self._event_parts.event_log

    @property
    def following(self) -> Following:
        return self._event_parts.following

    @property
    def event_subscriptions(self) -> EventSubscriptions:
        return self._event_parts.event_subscriptions

    @property
    def status_changes(self) -> StatusChanges:
        return self._event_parts.status_changes

    @property
    def redelivery(self) -> Redelivery:
        return self._event_parts.redelivery

    @property
    def trials(self) -> Trials:
        return self._event_parts.trials

    @property
    def deliveries(self) -> Deliveries:
        return self._event_parts.deliveries

    @cached_property
    def scheduler(self) -> SchedulerParts:
        return SchedulerParts(self._foundation)

    async def sweep_connector(self) -> None:
        """Find lost work of the connector."""
        await self.connector.sweep()
        await self.deliveries.sweep()
        await self._resealing.run_once()

    async def sweep_scheduler(self) -> None:
        """Find lost work of the Scheduler service and its engine."""
        now = self.clock.now()
        await self.scheduler.operations.sweep(now)
        await self.scheduler.sweep.run_once(now)
        await self.scheduler.identity.certificates.refresh()
        await self._resealing.run_once()

    async def poll_history(self) -> None:
        """Look for new records in the collections whose history nobody pushes."""
        if self.settings.polled_collections:
            await self._connector_parts.history_polling.run_once()

    async def prune_scheduler(self) -> None:
        """Forget what was kept long enough."""
        await self.scheduler.sweep.prune(self.clock.now())

    async def prune_connector(self) -> None:
        """Forget what was kept long enough."""
        await self.connector.prune()
        await self.event_log.prune(self.clock.now())

    @cached_property
    def _database(self) -> Database:
        assert self._storage is not None
        return self._storage.database(self.clock)

    @cached_property
    def _event_parts(self) -> EventParts:
        return EventParts(self._foundation)

    @cached_property
    def _admission_parts(self) -> AdmissionParts:
        return AdmissionParts(self._foundation)

    @cached_property
    def _connector_parts(self) -> ConnectorParts:
        return ConnectorParts(self._foundation, self.event_log)

    @cached_property
    def _sqs_parts(self) -> SqsParts:
        return SqsParts(self._foundation, lambda message: self.connector.accept_message(message))

    @cached_property
    def _foundation(self) -> Foundation:
        return Foundation(
            settings=self.settings,
            database=self._database,
            broker=self.broker,
            guard=self._guard,
            clock=self.clock,
            identity_clock=self.identity_clock,
            sealer=lambda: self._sealer,
        )

    @cached_property
    def _guard(self) -> AddressGuard:
        return AddressGuard(self.settings.allowed_networks)

    @cached_property
    def _sealer(self) -> Sealer:
        return load_key_ring(self.settings).sealer()

    @cached_property
    def _resealing(self) -> Resealing:
        return Resealing(self._database, sealed_tables(), sealer=lambda: self._sealer)

    async def _take_over(self, *, is_alone: bool) -> None:
        """Go on where a dead process stopped; one that others may outlive has leases which end by themselves."""
        now = self.clock.now()
        sealer = self._sealer
        await self._database.run(lambda transaction: check_key(transaction, sealer))
        if self.settings.role is not Role.SCHEDULER:
            # Told at the start: settings that would let nobody in, or everybody, and collections that are none.
            _ = self.callers
            if self.settings.polled_collections:
                _ = self._connector_parts.history_polling
        held = await self._free_what_a_dead_owner_held(now) if is_alone else 0
        if self.settings.role is not Role.SCHEDULER:
            await self._event_parts.events_topic.keep(self.settings.events_topic)
            await self.sweep_connector()
        if self.settings.role is not Role.CONNECTOR:
            for path in self.settings.management_certificates:
                await self.scheduler.identity.introduce(self.settings.subscription_id, path)
            await self.sweep_scheduler()
        logger.info("took over the database", extra={"action": "open", "freed": held})

    async def _free_what_a_dead_owner_held(self, now: datetime) -> int:
        def free(transaction: Transaction) -> int:
            broker = self.broker
            locks = broker.free_locks(transaction) if isinstance(broker, EmbeddedBroker) else 0
            return locks + self._event_parts.delivery_store.free_leases(transaction, now=now)

        held = await self._database.run(free)
        if self.settings.role is not Role.SCHEDULER:
            held += await self.connector.free_leases()
        if self.settings.role is not Role.CONNECTOR:
            held += await self.scheduler.operations.free_leases(now)
            held += await self.scheduler.sweep.free_leases(now)
        return held


def service_bus_broker(settings: Settings, clock: Clock) -> ProcessBroker:
    """Return a broker that is the namespace of the settings; only here its SDK is imported.

    Raises:
        ConfigurationError: the settings name none.
    """
    from shared.messaging.servicebus.broker import ServiceBusBroker
    from shared.messaging.servicebus.connection import connection_of

    return ServiceBusBroker(connection_of(settings), clock=clock)
