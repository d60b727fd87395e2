"""One connection to an entity, for everybody in this process who receives from it.

It reads only while somebody waits, and hands messages to those who wait longest. Who settles has the same connection
and goes first: it stops a read that waits. A message that arrives just then is released by the SDK, and the broker
delivers it again, uncounted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from shared.clock import NO_TIME, Clock
from shared.errors import NotFoundError, TocsinError
from shared.messaging.message import MessageState, ReceivedMessage, StoredMessage
from shared.messaging.servicebus.deliveries import Deliveries
from shared.messaging.servicebus.encoding import stored
from shared.messaging.servicebus.errors import is_broken, translated
from shared.messaging.servicebus.paths import SourcePath
from shared.messaging.servicebus.reading import LARGEST_BATCH, Messages, Reading
from shared.messaging.servicebus.settling import Settlements
from shared.messaging.servicebus.turns import Turns
from shared.messaging.servicebus.waiting import Line, Waiter

IDLE = timedelta(minutes=2)
"""How long a connection may be quiet without being doubted: Service Bus closes it after four minutes."""
Settlement = Callable[[ServiceBusReceivedMessage], Awaitable[None]]
Value = TypeVar("Value")


class EntityReader:
    """Reads and settles messages of a queue or subscription without sessions."""

    def __init__(
        self,
        sdk: ServiceBusReceiver,
        *,
        path: SourcePath,
        clock: Clock,
        largest_batch: int = LARGEST_BATCH,
    ) -> None:
        self.sdk = sdk
        self._path = path
        self._clock = clock
        self._line = Line()
        self._turns = Turns()
        self._reading = Reading(sdk, largest_batch=largest_batch)
        self._deliveries = Deliveries(path, clock)
        self._settlements = Settlements(self.call, reopen=self.open, clock=clock)
        self._calls = 0
        self._reader: asyncio.Task[None] | None = None
        self._is_closed = False
        self._works_until = clock.now() + IDLE

    async def receive(self, waiter: Waiter, *, max_wait: timedelta | None) -> list[ReceivedMessage]:
        """Wait in line. Nothing is lost with who is cancelled, and who may wait no longer gets one last look."""
        waiter.is_over = max_wait is not None and max_wait <= NO_TIME
        alarm = None
        if max_wait is not None and not waiter.is_over:
            alarm = asyncio.create_task(self._end_after(max_wait, waiter))
        self._line.join(waiter, now=self._clock.now())
        try:
            self._start()
            return await waiter.received
        except asyncio.CancelledError:
            self._line.take_from(waiter)
            raise
        finally:
            self._line.leave(waiter)
            if alarm is not None:
                alarm.cancel()
            if not self._line.waiters:
                self._reading.stop()

    async def settle(self, message: ReceivedMessage, settlement: Settlement) -> None:
        """Raises MessageLockLostError when this process does not have the lock; otherwise the broker decides."""
        held = self._deliveries.take(message)
        try:
            if message.state is MessageState.DEFERRED:  # by a request, which has no room for others
                await self.call(lambda: settlement(held))
            else:
                with self._translated():
                    await self._settlements.settle(lambda: settlement(held))
        except TocsinError:
            # It may be tried again; whether it is still locked the broker knows.
            self._deliveries.put_back(message, held)
            raise

    async def renew(self, message: ReceivedMessage) -> datetime:
        """Renew the lock and return its end."""
        held = self._deliveries.held(message)
        end = await self.call(lambda: self.sdk.renew_message_lock(held))
        self._deliveries.renewed(message)
        return end

    async def receive_deferred(self, sequence_numbers: Sequence[int]) -> list[ReceivedMessage]:
        """Lock deferred messages."""
        numbers = list(sequence_numbers)
        found = await self.call(lambda: self.sdk.receive_deferred_messages(numbers))
        if len(found) < len(numbers):
            raise NotFoundError(
                f"not all of the messages {numbers} of {self._path} are deferred",
                code="MessageNotFound",
            )
        return self._delivered(found)

    async def peek(self, *, from_sequence_number: int, most: int) -> list[StoredMessage]:
        """Look at messages; to the SDK number 0 would mean to go on where it last looked."""
        first = max(from_sequence_number, 1)
        seen = await self.call(lambda: self.sdk.peek_messages(most, sequence_number=first))
        is_dead_letter = self._path.is_dead_letter
        return [
            stored(each, delivery_count=each.delivery_count or 0, is_dead_letter=is_dead_letter)
            for each in seen
        ]

    async def call(self, call: Callable[[], Awaitable[Value]]) -> Value:
        """Run a call of the SDK on the open connection, before any read."""
        self._calls += 1
        self._reading.stop()
        try:
            with self._translated():
                return await self._turns.take(partial(self._on_connection, call))
        finally:
            self._calls -= 1

    async def close(self) -> None:
        """End every call that waits, give back what came for nobody, and close the connection."""
        self._is_closed = True
        for waiter in self._line.waiters:
            waiter.end()
        self._reading.stop()
        if self._reader is not None:
            await self._reader
        for message in self._line.take_all():
            with suppress(TocsinError):  # its lock ends by itself
                await self.settle(message, self.sdk.abandon_message)
        await self._settlements.finish()
        with self._translated():
            await self._turns.take(self.sdk.close)

    async def open(self) -> None:
        """Open the connection, or open it again if it broke."""
        await self.sdk.__aenter__()

    def session_end(self) -> datetime | None:
        """Return when the locks of all messages end, where they are those of a session."""
        return None

    def _start(self) -> None:
        if self._is_closed:
            for waiter in self._line.waiters:
                waiter.end()
        elif self._reader is None and self._line.waiters:
            self._reader = asyncio.create_task(self._read_for_waiters())
        elif self._is_anybody_over():
            self._reading.stop()

    async def _end_after(self, max_wait: timedelta, waiter: Waiter) -> None:
        await self._clock.sleep(max_wait)
        waiter.is_over = True
        self._reading.stop()

    async def _read_for_waiters(self) -> None:
        try:
            while not self._is_closed and (waiters := self._line.waiters):
                over = [waiter for waiter in waiters if waiter.is_over]
                with self._translated():
                    read = partial(self._read, is_last=bool(over))
                    messages = await self._turns.take(partial(self._on_connection, read))
                    received = self._delivered(messages)  # whatever they are, waiters are told
                self._line.arrived(received)
                for waiter in over:
                    waiter.end()
        except TocsinError as error:
            for waiter in self._line.waiters:
                waiter.fail(error)
        finally:
            self._reader = None

    async def _read(self, *, is_last: bool) -> Messages:
        if is_last:
            return await self._reading.look()
        most = min(self._reading.batch, self._line.demand)
        is_wanted = self._calls or self._is_closed or self._is_anybody_over() or not most
        return await self._reading.read(max(most, 1), may_wait=not is_wanted)

    async def _on_connection(self, call: Callable[[], Awaitable[Value]]) -> Value:
        """Run a call on a connection that works: one that turns out to be closed is replaced."""
        await self.open()
        try:
            await self._check()
            value = await call()
        except Exception as error:
            if not is_broken(error):
                raise
            await self.open()
            value = await call()
        self._works_until = self._clock.now() + IDLE
        return value

    async def _check(self) -> None:
        """Find out whether a connection that was idle is still there: a short read would end before it noticed."""
        if self._clock.now() > self._works_until:
            await self.sdk.peek_messages(1, sequence_number=1)

    def _delivered(self, messages: Messages) -> list[ReceivedMessage]:
        return self._deliveries.add(messages, session_end=self.session_end())

    def _is_anybody_over(self) -> bool:
        return any(waiter.is_over for waiter in self._line.waiters)

    def _translated(self) -> AbstractContextManager[None]:
        return translated(f"queue or subscription {str(self._path)!r} to receive from")
