"""A broker that is as unkind as Service Bus may be, for running functions on one that is kinder.

Messages that are in flight at once are delivered in any order, one that comes alone waits a moment for another. Now and
then a lock is lost: the message is given back behind its holder's back, so that it is delivered again, while the
function runs or after it has ended, and whoever holds it is told MessageLockLostError when it renews or settles. Now
and then a link is detached: the next call works. A session keeps its order, so there the lock of the whole session is
lost. Nothing happens that Service Bus does not do (delivery at least once, order within a session only).
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from shared.errors import MessageLockLostError, SessionLockLostError, TransientError
from shared.messaging.broker import Broker, Receiver, SessionReceiver
from shared.messaging.message import Message, PropertyValue, ReceivedMessage, StoredMessage

DETACHED = 1 / 50
"""Of calls that receive."""
LOST = 1 / 50
"""Of deliveries, and again of settlements and renewals."""
HELD_BACK = 1 / 4
"""Of calls that have received: one of its messages waits for the next call."""
LONGEST_HOLD = timedelta(milliseconds=50)


class StrictBroker:
    """Wraps the broker that does the work; `random` decides when it is unkind."""

    def __init__(self, inner: Broker, *, random: Random) -> None:
        self._inner = inner
        self._random = random
        self._receivers: list[StrictReceiver] = []

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        await self._inner.send(entity, messages)

    async def schedule(self, entity: str, messages: Sequence[Message]) -> list[int]:
        return await self._inner.schedule(entity, messages)

    async def cancel_scheduled(self, entity: str, sequence_numbers: Sequence[int]) -> None:
        await self._inner.cancel_scheduled(entity, sequence_numbers)

    async def peek(
        self, entity: str, *, from_sequence_number: int = 0, max_messages: int = 1
    ) -> list[StoredMessage]:
        return await self._inner.peek(
            entity, from_sequence_number=from_sequence_number, max_messages=max_messages
        )

    def receiver(self, entity: str) -> "StrictReceiver":
        receiver = StrictReceiver(self._inner.receiver(entity), self._random)
        self._receivers.append(receiver)
        return receiver

    async def accept_session(
        self, entity: str, *, session_id: str | None = None, max_wait: timedelta
    ) -> "StrictSessionReceiver":
        if self._random.random() < DETACHED:
            raise detached()
        inner = await self._inner.accept_session(entity, session_id=session_id, max_wait=max_wait)
        return StrictSessionReceiver(inner, self._random)

    async def close(self) -> None:
        await asyncio.gather(*(receiver.close() for receiver in self._receivers))
        await self._inner.close()


class StrictReceiver:
    """Delivers in any order, loses locks and is detached."""

    def __init__(self, inner: Receiver, random: Random) -> None:
        self._inner = inner
        self._random = random
        self._held_back: list[ReceivedMessage] = []

    async def receive(
        self, *, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        if self._random.random() < DETACHED:
            raise detached()
        received = await self._any_order(max_messages, max_wait)
        for message in received:
            await self._lose_now_and_then(message)
        return received

    async def complete(self, message: ReceivedMessage) -> None:
        await self._lose_now_and_then(message)
        await self._inner.complete(message)

    async def abandon(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        await self._lose_now_and_then(message)
        await self._inner.abandon(message, properties=properties)

    async def defer(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        await self._lose_now_and_then(message)
        await self._inner.defer(message, properties=properties)

    async def receive_deferred(self, sequence_numbers: Sequence[int]) -> list[ReceivedMessage]:
        return await self._inner.receive_deferred(sequence_numbers)

    async def dead_letter(self, message: ReceivedMessage, *, reason: str, description: str) -> None:
        await self._lose_now_and_then(message)
        await self._inner.dead_letter(message, reason=reason, description=description)

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        await self._lose_now_and_then(message)
        return await self._inner.renew_lock(message)

    async def close(self) -> None:
        held_back, self._held_back = self._held_back, []
        await self._inner.close()
        for message in held_back:
            await self._lose(message)

    async def _any_order(
        self, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        while True:
            wait = max_wait
            if self._held_back:
                wait = LONGEST_HOLD if max_wait is None else min(max_wait, LONGEST_HOLD)
            found = await self._inner.receive(max_messages=max_messages, max_wait=wait)
            held_back, self._held_back = self._held_back, []
            waiting = [*found, *held_back]
            self._random.shuffle(waiting)
            is_one_more = found and not held_back and self._random.random() < HELD_BACK
            ready = min(len(waiting) - bool(is_one_more), max_messages)
            self._held_back = waiting[ready:]
            if ready or not found:
                return waiting[:ready]

    async def _lose_now_and_then(self, message: ReceivedMessage) -> None:
        if self._random.random() < LOST:
            await self._lose(message)

    async def _lose(self, message: ReceivedMessage) -> None:
        with suppress(MessageLockLostError):
            await self._inner.abandon(message)


class StrictSessionReceiver:
    """Keeps the session's order and now and then loses its lock, for good."""

    def __init__(self, inner: SessionReceiver, random: Random) -> None:
        self._inner = inner
        self._random = random
        self._is_lost = False

    @property
    def session_id(self) -> str:
        return self._inner.session_id

    @property
    def locked_until(self) -> datetime:
        return self._inner.locked_until

    async def receive(
        self, *, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        await self._lose_now_and_then()
        return await self._inner.receive(max_messages=max_messages, max_wait=max_wait)

    async def complete(self, message: ReceivedMessage) -> None:
        await self._lose_now_and_then()
        await self._inner.complete(message)

    async def abandon(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        await self._lose_now_and_then()
        await self._inner.abandon(message, properties=properties)

    async def defer(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        await self._lose_now_and_then()
        await self._inner.defer(message, properties=properties)

    async def receive_deferred(self, sequence_numbers: Sequence[int]) -> list[ReceivedMessage]:
        await self._lose_now_and_then()
        return await self._inner.receive_deferred(sequence_numbers)

    async def dead_letter(self, message: ReceivedMessage, *, reason: str, description: str) -> None:
        await self._lose_now_and_then()
        await self._inner.dead_letter(message, reason=reason, description=description)

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        await self._lose_now_and_then()
        return await self._inner.renew_lock(message)

    async def renew_session_lock(self) -> datetime:
        await self._lose_now_and_then()
        return await self._inner.renew_session_lock()

    async def get_state(self) -> bytes | None:
        await self._lose_now_and_then()
        return await self._inner.get_state()

    async def set_state(self, state: bytes | None) -> None:
        await self._lose_now_and_then()
        await self._inner.set_state(state)

    async def close(self) -> None:
        await self._inner.close()

    async def _lose_now_and_then(self) -> None:
        if not self._is_lost and self._random.random() < LOST:
            self._is_lost = True
            await self._inner.close()
        if self._is_lost:
            raise SessionLockLostError(f"the lock of session {self.session_id!r} was lost")


def detached() -> TransientError:
    return TransientError("the link was detached", code="amqp:link:detach-forced")
