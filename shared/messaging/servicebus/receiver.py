"""The port's receivers: views of a reader, each with calls of its own that wait."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shared.errors import PermanentError
from shared.messaging.message import PropertyValue, ReceivedMessage
from shared.messaging.servicebus.encoding import report
from shared.messaging.servicebus.reader import EntityReader
from shared.messaging.servicebus.session_reader import SessionReader
from shared.messaging.servicebus.waiting import Waiter


class ServiceBusReceiver:
    """Receiver; several may share a reader."""

    def __init__(self, reader: EntityReader) -> None:
        self._reader = reader
        self._waiters: set[Waiter] = set()
        self._is_closed = False

    async def receive(
        self, *, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        if self._is_closed:
            return []
        waiter = Waiter(max_messages)
        self._waiters.add(waiter)
        try:
            return await self._reader.receive(waiter, max_wait=max_wait)
        finally:
            self._waiters.discard(waiter)

    async def complete(self, message: ReceivedMessage) -> None:
        await self._reader.settle(message, self._reader.sdk.complete_message)

    async def abandon(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        refuse(properties)
        await self._reader.settle(message, self._reader.sdk.abandon_message)

    async def defer(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        refuse(properties)
        await self._reader.settle(message, self._reader.sdk.defer_message)

    async def receive_deferred(self, sequence_numbers: Sequence[int]) -> list[ReceivedMessage]:
        return await self._reader.receive_deferred(sequence_numbers)

    async def dead_letter(self, message: ReceivedMessage, *, reason: str, description: str) -> None:
        await self._reader.settle(
            message,
            lambda held: self._reader.sdk.dead_letter_message(
                held, reason=report(reason), error_description=report(description)
            ),
        )

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        return await self._reader.renew(message)

    async def close(self) -> None:
        self._is_closed = True
        for waiter in self._waiters:
            waiter.end()


class ServiceBusSessionReceiver(ServiceBusReceiver):
    """SessionReceiver; its reader is its own."""

    def __init__(self, reader: SessionReader) -> None:
        super().__init__(reader)
        self._session = reader

    @property
    def session_id(self) -> str:
        return self._session.session_id

    @property
    def locked_until(self) -> datetime:
        return self._session.locked_until

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        return await self.renew_session_lock()

    async def renew_session_lock(self) -> datetime:
        return await self._session.renew_session()

    async def get_state(self) -> bytes | None:
        return await self._session.get_state()

    async def set_state(self, state: bytes | None) -> None:
        await self._session.set_state(state)

    async def close(self) -> None:
        await super().close()
        await self._session.close()


def refuse(properties: Mapping[str, PropertyValue] | None) -> None:
    """The SDK has no call that changes properties with a settlement, other than of Azure's own languages."""
    if properties:
        raise PermanentError(
            "the Service Bus SDK for Python cannot change properties when it settles a message",
            code="NotSupported",
        )
