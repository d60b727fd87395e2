"""The parts of the connector."""

import random
from functools import cached_property
from pathlib import Path

from shared.bootstrap.foundation import Foundation
from shared.client.rest import RestSchedulerClient
from shared.connector.commands import Door
from shared.connector.completion import Completion
from shared.connector.connector import Connector
from shared.connector.deployment import Deployment
from shared.connector.drafts import Drafts
from shared.connector.execute import Executor
from shared.connector.history import History
from shared.connector.history_polling import Collection, HistoryPolling
from shared.connector.reading import Reader
from shared.connector.rejection import Rejections
from shared.connector.replies import Replies, allowed_queues
from shared.connector.stores.known import known_operations
from shared.connector.stores.polled_history import SqlPolledHistory
from shared.connector.stores.replies import SqlReplyStore
from shared.connector.stores.sql import SqlOperationStore
from shared.connector.terms import Terms
from shared.connector.upkeep import Upkeep
from shared.connector.watch import Watch
from shared.errors import ConfigurationError, InvalidRequestError
from shared.events.log import EventLog
from shared.random_ids import new_id
from shared.settings import SchedulerKind
from shared.tls import client_context


class ConnectorParts:
    """Each is built when it is first asked for."""

    def __init__(self, foundation: Foundation, event_log: EventLog) -> None:
        self._on = foundation
        self._event_log = event_log

    @cached_property
    def connector(self) -> Connector:
        sealer = self._on.sealer()
        return Connector(
            door=Door(
                self._operations,
                terms=self._terms,
                drafts=Drafts(sealer, new_id),
                rejections=Rejections(
                    self._on.database,
                    sender=self._on.broker,
                    event_log=self._event_log,
                    clock=self._on.clock,
                    source=self._on.source,
                ),
                reply_queues=allowed_queues(self._on.settings.reply_queues),
                clock=self._on.clock,
            ),
            executor=Executor(
                self._operations,
                self._deployment,
                completion=self._completion,
                sealer=sealer,
                clock=self._on.clock,
                random=random.random,
            ),
            reader=Reader(self._deployment, self._terms, self._on.clock),
            watch=self._watch,
            upkeep=Upkeep(self._operations, completion=self._completion, clock=self._on.clock),
        )

    @cached_property
    def history(self) -> History:
        return History(
            self._on.database,
            sender=self._on.broker,
            event_log=self._event_log,
            source=self._on.source,
            known_operations=known_operations,
        )

    @cached_property
    def history_polling(self) -> HistoryPolling:
        """Raises ConfigurationError for what is not the path of a collection."""
        collections = [
            polled(path, self._on.source) for path in self._on.settings.polled_collections
        ]
        return HistoryPolling(
            SqlPolledHistory(self._on.database, self._event_log),
            Reader(self._deployment, self._terms, self._on.clock),
            collections,
            event_log=self._event_log,
            clock=self._on.clock,
            is_paused=lambda: self.connector.health()["status"] != "running",
        )

    async def close(self) -> None:
        """Close what was built."""
        if "_client" in self.__dict__:
            await self._client.close()

    @cached_property
    def _operations(self) -> SqlOperationStore:
        return SqlOperationStore(
            self._on.database,
            sender=self._on.broker,
            event_log=self._event_log,
            source=self._on.source,
            public_url=self._on.settings.public_url,
            kept=self._on.settings.operations_kept,
        )

    @cached_property
    def _watch(self) -> Watch:
        return Watch(self._operations, self._on.clock)

    @cached_property
    def _completion(self) -> Completion:
        replies = Replies(
            SqlReplyStore(self._on.database), sender=self._on.broker, clock=self._on.clock
        )
        return Completion(self._watch, self._event_log, replies)

    @property
    def _terms(self) -> Terms:
        return Terms(is_ours=self._on.settings.scheduler_kind is SchedulerKind.TOCSIN)

    @cached_property
    def _deployment(self) -> Deployment:
        return Deployment(
            client=self._client,
            subscription=self._on.settings.subscription_id,
            timeout=self._on.settings.rest_timeout,
            recognises_repeats=self._terms.is_ours,
        )

    @cached_property
    def _client(self) -> RestSchedulerClient:
        settings = self._on.settings
        certificate = required(settings.client_certificate, "TOCSIN_CLIENT_CERTIFICATE")
        password = settings.client_certificate_password
        authority = settings.scheduler_ca
        return RestSchedulerClient(
            settings.scheduler_url,
            new_context=lambda: client_context(
                certificate.read_bytes(), password, authority=authority
            ),
            ca=authority,
        )


def polled(path: str, source: str) -> Collection:
    """Return the collection that a setting names.

    Raises:
        ConfigurationError: it is the path of none.
    """
    try:
        return Collection.parse(path, source=source)
    except InvalidRequestError as error:
        raise ConfigurationError(f"TOCSIN_POLLED_COLLECTIONS: {path!r}: {error.message}") from None


def required(value: Path | None, name: str) -> Path:
    """Return a setting that this part cannot do without.

    Raises:
        ConfigurationError: it is missing.
    """
    if value is None:
        raise ConfigurationError(f"the setting {name} is missing")
    return value
