"""What was delivered on a connection and is not settled: the SDK settles its own objects only."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from azure.servicebus import ServiceBusReceivedMessage

from shared.clock import Clock
from shared.errors import MessageLockLostError
from shared.messaging.message import ReceivedMessage
from shared.messaging.servicebus.encoding import received
from shared.messaging.servicebus.paths import SourcePath

KEPT = timedelta(minutes=5)
"""How long a delivery is remembered after its lock: clocks differ, and until then the broker is asked."""


class Deliveries:
    """By lock token, the lock that ends first in front."""

    def __init__(self, path: SourcePath, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._held: dict[UUID, ServiceBusReceivedMessage] = {}

    def add(
        self, messages: Iterable[ServiceBusReceivedMessage], *, session_end: datetime | None
    ) -> list[ReceivedMessage]:
        """Remember messages and return them in our form; those of a session are locked until it ends."""
        self._forget_ended()
        return [self._add(message, session_end) for message in messages]

    def held(self, message: ReceivedMessage) -> ServiceBusReceivedMessage:
        """Return the SDK's object.

        Raises:
            MessageLockLostError: it is settled, or was never delivered here.
        """
        held = self._held.get(message.lock_token)
        if held is None:
            raise MessageLockLostError(
                f"message {message.sequence_number} of {self._path} is not locked by this process"
            )
        return held

    def take(self, message: ReceivedMessage) -> ServiceBusReceivedMessage:
        """Return the SDK's object and forget it: of two who settle, one does. Raises as `held`."""
        held = self.held(message)
        del self._held[message.lock_token]
        return held

    def put_back(self, message: ReceivedMessage, held: ServiceBusReceivedMessage) -> None:
        """Remember it again, as the one whose lock ends last."""
        self._held[message.lock_token] = held

    def renewed(self, message: ReceivedMessage) -> None:
        """Put it behind all others, unless it was settled meanwhile."""
        held = self._held.pop(message.lock_token, None)
        if held is not None:
            self._held[message.lock_token] = held

    def _add(
        self, message: ServiceBusReceivedMessage, session_end: datetime | None
    ) -> ReceivedMessage:
        locked_until = session_end or message.locked_until_utc or self._clock.now()
        delivered = received(
            message, locked_until=locked_until, is_dead_letter=self._path.is_dead_letter
        )
        self._held[delivered.lock_token] = message
        return delivered

    def _forget_ended(self) -> None:
        forgotten = self._clock.now() - KEPT
        while self._held:
            token, message = next(iter(self._held.items()))
            if message.locked_until_utc is None or message.locked_until_utc >= forgotten:
                return
            del self._held[token]
