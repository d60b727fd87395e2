"""What every part of a process stands on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.clock import Clock
from shared.messaging.broker import Broker, TransactionalSender
from shared.outbound.guard import AddressGuard
from shared.sealing import Sealer
from shared.settings import Settings
from shared.sql.database import Database


class ProcessBroker(Broker, TransactionalSender, Protocol):
    """What a process sends to and receives from; sends with its commits too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What the parts stand on; `identity_clock` judges certificates and tokens, `clock` times everything else."""

    settings: Settings
    database: Database
    broker: ProcessBroker
    guard: AddressGuard
    clock: Clock
    identity_clock: Clock
    sealer: Callable[[], Sealer]

    @property
    def source(self) -> str:
        """The source of this deployment's events."""
        return f"/subscriptions/{self.settings.subscription_id}"
