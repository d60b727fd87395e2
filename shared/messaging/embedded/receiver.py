"""Peek-lock on one entity, or on one session of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shared.clock import Clock, from_microseconds
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import received_message
from shared.messaging.embedded.envelope import SessionLock
from shared.messaging.embedded.namespace import Source
from shared.messaging.embedded.waiting import Visitor
from shared.messaging.message import PropertyValue, ReceivedMessage


class EmbeddedReceiver:
    """Any number of tasks may share one."""

    def __init__(
        self,
        core: BrokerCore,
        source: Source,
        session: SessionLock | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._core = core
        self._path = source.path
        self._session = session
        self._visitor = Visitor(clock)
        self._is_closed = False

    async def receive(
        self, *, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        if self._is_closed:
            return []
        line = self._core.line(self._path, self._session)
        deliveries = await self._visitor.wait(line, max_messages, max_wait)
        return [received_message(delivery) for delivery in deliveries]

    async def complete(self, message: ReceivedMessage) -> None:
        await self._core.complete(self._path, message.lock_token)

    async def abandon(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        await self._core.abandon(self._path, message.lock_token, properties)

    async def defer(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        await self._core.defer(self._path, message.lock_token, properties)

    async def receive_deferred(self, sequence_numbers: Sequence[int]) -> list[ReceivedMessage]:
        deliveries = await self._core.receive_deferred(
            self._path, sequence_numbers, session=self._session
        )
        return [received_message(delivery) for delivery in deliveries]

    async def dead_letter(self, message: ReceivedMessage, *, reason: str, description: str) -> None:
        await self._core.dead_letter(
            self._path, message.lock_token, reason=reason, description=description
        )

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        return from_microseconds(await self._core.renew(self._path, message.lock_token))

    async def close(self) -> None:
        self._is_closed = True
        self._visitor.leave()


class EmbeddedSessionReceiver(EmbeddedReceiver):
    """One session, while its lock lasts."""

    def __init__(
        self, core: BrokerCore, source: Source, session: SessionLock, *, clock: Clock
    ) -> None:
        super().__init__(core, source, session, clock=clock)
        self._lock = session

    @property
    def session_id(self) -> str:
        return self._lock.session_id

    @property
    def locked_until(self) -> datetime:
        return from_microseconds(self._lock.locked_until)

    async def receive(
        self, *, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        messages = await super().receive(max_messages=max_messages, max_wait=max_wait)
        if not messages and not self._is_closed:
            self._core.check_session(self._lock)
        return messages

    async def complete(self, message: ReceivedMessage) -> None:
        self._core.check_session(self._lock)
        await super().complete(message)

    async def abandon(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        self._core.check_session(self._lock)
        await super().abandon(message, properties=properties)

    async def defer(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        self._core.check_session(self._lock)
        await super().defer(message, properties=properties)

    async def dead_letter(self, message: ReceivedMessage, *, reason: str, description: str) -> None:
        self._core.check_session(self._lock)
        await super().dead_letter(message, reason=reason, description=description)

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        return await self.renew_session_lock()

    async def renew_session_lock(self) -> datetime:
        return from_microseconds(await self._core.renew_session(self._lock))

    async def get_state(self) -> bytes | None:
        self._core.check_session(self._lock)
        return await self._core.session_state(self._path, self._lock.session_id)

    async def set_state(self, state: bytes | None) -> None:
        self._core.check_session(self._lock)
        await self._core.set_session_state(self._path, self._lock.session_id, state)

    async def close(self) -> None:
        await super().close()
        await self._core.release_session(self._lock)
