"""The parts of the Scheduler service and its engine."""

from datetime import timedelta
from functools import cached_property

from shared.bootstrap.foundation import Foundation
from shared.bootstrap.identity_parts import IdentityParts
from shared.random_ids import new_hex_id, new_id
from shared.scheduler.actions.access_tokens import AccessTokens
from shared.scheduler.actions.by_type import ActionByType
from shared.scheduler.actions.client_contexts import ClientContexts
from shared.scheduler.actions.credentials import Credentials
from shared.scheduler.actions.http_request import HttpRequestAction
from shared.scheduler.actions.service_bus import ServiceBusAction
from shared.scheduler.actions.storage_queue import StorageQueueAction
from shared.scheduler.claiming import Claims
from shared.scheduler.engine import TIMER_HORIZON, ResidentEngine, Ticker
from shared.scheduler.executions import Executions
from shared.scheduler.limits import Limits
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import Planner
from shared.scheduler.recording import Recorder
from shared.scheduler.retry import DEFAULT_INTERVAL, Retries
from shared.scheduler.service.answering import Answering
from shared.scheduler.service.app import SchedulerService
from shared.scheduler.service.endpoints import Endpoints
from shared.scheduler.service.follow_up import FollowUp
from shared.scheduler.service.job_changes import JobChanges
from shared.scheduler.service.operations import ServiceOperations
from shared.scheduler.starting import Starter
from shared.scheduler.store import SchedulerStore
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.sql import sql_store
from shared.scheduler.sweep import Sweep
from shared.settings import BrokerKind, EngineMode, Role
from shared.tls import client_context


class SchedulerParts:
    """Each is built when it is first asked for."""

    def __init__(self, foundation: Foundation) -> None:
        self._on = foundation

    @cached_property
    def service(self) -> SchedulerService:
        endpoints = Endpoints(
            self._store,
            self._job_changes,
            certificates=self.identity.certificates,
            sealer=self._on.sealer(),
            new_id=new_hex_id,
            clock=self._on.clock,
        )
        return SchedulerService(
            Answering(self._on.database, endpoints, self.operations, follow_up=self._follow_up),
            self.identity.authentication,
            clock=self._on.clock,
            new_id=new_hex_id,
        )

    @cached_property
    def identity(self) -> IdentityParts:
        on = self._on
        return IdentityParts(on.settings, on.database, on.guard, clock=on.identity_clock)

    @cached_property
    def operations(self) -> ServiceOperations:
        return ServiceOperations(
            self._on.database,
            self._store,
            job_changes=self._job_changes,
            follow_up=self._follow_up,
            clock=self._on.clock,
        )

    @cached_property
    def ticker(self) -> Ticker:
        is_resident = self._on.settings.engine is EngineMode.RESIDENT
        return Ticker(
            self._on.database,
            Claims(self._store, self._planner, self._outgoing, new_id=new_id),
            outgoing=self._outgoing,
            clock=self._on.clock,
            horizon=timedelta() if is_resident else TIMER_HORIZON,
        )

    @cached_property
    def resident_engine(self) -> ResidentEngine | None:
        """The engine of a process that stays; None where a timer function ticks."""
        if self._on.settings.engine is EngineMode.TIMER:
            return None
        return ResidentEngine(self.ticker, self._on.clock)

    @cached_property
    def executions(self) -> Executions:
        settings = self._on.settings
        limits = Limits(
            attempts=settings.max_attempts,
            attempts_per_host=settings.max_attempts_per_host,
            starts_per_second=settings.max_starts_per_second,
        )
        retries = Retries(count=settings.default_retry_count, interval=DEFAULT_INTERVAL)
        return Executions(
            self._on.database,
            self.action,
            starter=Starter(self._store, self._outgoing, limits),
            recorder=Recorder(self._store, self._outgoing, retries=retries),
            outgoing=self._outgoing,
            clock=self._on.clock,
        )

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(self._on.database, self._store, self._outgoing)

    async def close(self) -> None:
        """Close the connections to the targets of actions and to the issuers of tokens."""
        await self.identity.close()
        if "action" in self.__dict__:
            await self.action.close()

    @cached_property
    def _store(self) -> SchedulerStore:
        return sql_store(self._on.broker)

    @cached_property
    def _outgoing(self) -> Outgoing:
        # Without a connector in this process nobody would ever receive what its own broker is sent.
        settings = self._on.settings
        is_alone = settings.role is Role.SCHEDULER and settings.broker is BrokerKind.EMBEDDED
        return Outgoing(self._on.database, SqlOutgoing(), None if is_alone else self._on.broker)

    @cached_property
    def _planner(self) -> Planner:
        return Planner(
            self._store,
            self._outgoing,
            new_id=new_id,
            run_now_delay=self._on.settings.run_now_delay,
        )

    @cached_property
    def _job_changes(self) -> JobChanges:
        return JobChanges(self._store, self._planner, self._outgoing)

    @cached_property
    def _follow_up(self) -> FollowUp:
        engine = self.resident_engine or self.ticker
        return FollowUp(self._outgoing, on_planned=engine.planned)

    @cached_property
    def action(self) -> ActionByType:
        """What carries out attempts."""
        on = self._on
        credentials = Credentials(
            sealer=on.sealer(),
            tokens=AccessTokens(on.settings.oauth_authority, on.clock),
            contexts=ClientContexts(client_context),
        )
        return ActionByType(
            http=HttpRequestAction(on.guard, credentials=credentials, clock=on.clock),
            storage_queue=StorageQueueAction(
                on.guard, sealer=on.sealer(), endpoint=on.settings.storage_queue_endpoint
            ),
            service_bus=ServiceBusAction(
                sealer=on.sealer(), endpoint=on.settings.service_bus_endpoint, clock=on.clock
            ),
        )
