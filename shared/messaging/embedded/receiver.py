"""Peek-lock on one entity."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.errors import PermanentError
from shared.messaging.embedded.encoding import add_properties, read_token, reported
from shared.messaging.embedded.namespace import Source
from shared.messaging.embedded.storage import DeadLetter, Held, MessageStorage, Renewal
from shared.messaging.embedded.waiting import Waiter, WaitingLine
from shared.messaging.message import PropertyValue, ReceivedMessage
from shared.sql.database import Database, Transaction


class EmbeddedReceiver:
    """Any number of tasks may share one."""

    def __init__(
        self,
        source: Source,
        *,
        line: WaitingLine,
        storage: MessageStorage,
        database: Database,
        clock: Clock,
    ) -> None:
        self._source = source
        self._line = line
        self._storage = storage
        self._database = database
        self._clock = clock
        self._waiting: set[Waiter] = set()
        self._is_closed = False

    async def receive(
        self, *, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        if self._is_closed:
            return []
        waiter = self._line.join(max_messages)
        self._waiting.add(waiter)
        patience = self._start_patience(waiter, max_wait)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._line.drop(waiter)
            raise
        finally:
            self._waiting.discard(waiter)
            if patience is not None:
                patience.cancel()

    async def complete(self, message: ReceivedMessage) -> None:
        await self._database.run_grouped(self._storage.complete, self._held(message))

    async def abandon(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        held = self._held(message)
        if properties is None:
            await self._database.run_grouped(self._storage.abandon, held)
            return

        def abandon(tx: Transaction) -> None:
            self._storage.abandon(tx, [held])
            self._storage.replace_attributes(
                tx,
                message.sequence_number,
                lambda attributes: add_properties(attributes, properties),
            )

        await self._database.run(abandon)

    async def dead_letter(self, message: ReceivedMessage, *, reason: str, description: str) -> None:
        if self._source.dead_letter_path is None:
            raise PermanentError(f"{self._source.path!r} has no dead-letter queue of its own")
        held = self._held(message)
        letter = DeadLetter(held.delivery, held.now, reported(reason), reported(description))
        await self._database.run_grouped(self._storage.dead_letter, letter)

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        held = self._held(message)
        until = held.now + self._source.lock_microseconds
        renewal = Renewal(held.delivery, held.now, until)
        await self._database.run_grouped(self._storage.renew, renewal)
        return from_microseconds(until)

    async def close(self) -> None:
        self._is_closed = True
        for waiter in list(self._waiting):
            self._line.leave(waiter)

    def _held(self, message: ReceivedMessage) -> Held:
        now = to_microseconds(self._clock.now())
        return Held((self._source.path, *read_token(message.lock_token)), now)

    def _start_patience(
        self, waiter: Waiter, max_wait: timedelta | None
    ) -> "asyncio.Task[None] | None":
        if max_wait is None:
            return None
        if max_wait <= timedelta(0):
            self._line.leave(waiter)
            return None
        return asyncio.create_task(self._lose_patience(waiter, max_wait))

    async def _lose_patience(self, waiter: Waiter, max_wait: timedelta) -> None:
        await self._clock.sleep(max_wait)
        self._line.leave(waiter)
