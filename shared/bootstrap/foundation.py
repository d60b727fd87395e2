"""What every part of a process stands on."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.clock import Clock
from shared.messaging.broker import Broker, TransactionalSender
from shared.outbound.guard import AddressGuard
from shared.sealing import Sealer
from shared.settings import Settings
from shared.sql.database import Database


def new_id() -> str:
    """Return an id that nothing else has."""
    return str(uuid.uuid4())


def new_hex_id() -> str:
    """Return an id in the form of `x-ms-request-id`."""
    return uuid.uuid4().hex


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
