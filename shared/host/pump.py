"""From a queue or topic subscription to the function it triggers.

A pump receives at most as many messages as may start now, so none waits under its lock for another. The function
settles by returning (its outputs are sent, then the message is completed) or by raising (it is abandoned, and the
broker dead-letters it when its deliveries are used up). Batches are all or nothing, one at a time, and as in Azure
their locks are not renewed.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from shared.host.concurrency import Slots
from shared.host.functions import HostedFunction
from shared.host.host_json import HostSettings
from shared.host.invocation import Invoker
from shared.host.message_calls import MessageCalls
from shared.host.outage import Outage
from shared.host.renewal import Renewals
from shared.messaging.broker import Receiver
from shared.messaging.message import ReceivedMessage

PROBE = timedelta(seconds=1)
"""How long a receive waits after one that failed: only one that returns tells that the entity is there again."""


class Pump:
    """Runs one function for the messages of one entity."""

    def __init__(
        self,
        function: HostedFunction,
        *,
        receiver: Receiver,
        invoker: Invoker,
        slots: Slots,
        clock: Clock,
        settings: HostSettings,
    ) -> None:
        """`slots` are this pump's own; the function's trigger is one of messages."""
        self._calls = MessageCalls(function, invoker=invoker)
        self._trigger = trigger = self._calls.trigger
        self._receiver = receiver
        self._clock = clock
        self._slots = slots
        self._batch_size = settings.max_message_batch_size if trigger.is_many else 1
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._outage = Outage(trigger.entity)
        self._pausing: asyncio.Task[None] | None = None
        self._renewals = Renewals(
            receiver,
            clock=clock,
            longest=settings.max_auto_lock_renewal,
            source=trigger.entity,
        )

    async def run(self) -> None:
        """Receive and run until `stop`; then wait for what still runs."""
        renewing = asyncio.create_task(self._renewals.run())
        try:
            while not self._stopping:
                await self._receive()
            if self._running:
                await asyncio.wait(self._running)
        finally:
            ending = [*self._running, renewing, *filter(None, [self._pausing])]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def stop(self) -> None:
        """Receive no more."""
        self._stopping = True
        self._slots.release()
        if self._pausing is not None:
            self._pausing.cancel()
        await self._receiver.close()

    @property
    def running(self) -> int:
        """How many calls run now."""
        return len(self._running)

    async def _receive(self) -> None:
        free = self._slots.free
        if free <= 0:
            await self._slots.until_free()
            return
        try:
            wanted = self._batch_size if self._trigger.is_many else free
            wait = PROBE if self._outage.lasts else None
            received = await self._receiver.receive(max_messages=wanted, max_wait=wait)
        except Exception as error:  # the broker's trouble must not end the pump
            await self._rest(self._outage.failed(error))
            return
        self._outage.ended()
        if self._trigger.is_many:
            if received:
                self._start(self._run_batch(received))
            return
        for message in received:
            self._start(self._run_one(message))

    async def _rest(self, pause: timedelta) -> None:
        """Wait, unless the pump stops."""
        if not self._stopping:
            self._pausing = asyncio.create_task(self._clock.sleep(pause))
            await asyncio.wait([self._pausing])

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        slot = self._slots.take()
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: self._slots.give_back(slot))

    async def _run_one(self, message: ReceivedMessage) -> None:
        self._renewals.add(message)
        try:
            succeeded = await self._calls.succeeds([message])
        finally:
            is_held = self._renewals.discard(message)
        if is_held:
            await self._calls.settle(self._receiver, message, succeeded=succeeded)

    async def _run_batch(self, messages: list[ReceivedMessage]) -> None:
        succeeded = await self._calls.succeeds(messages)
        settle = self._calls.settle
        await asyncio.gather(
            *(settle(self._receiver, message, succeeded=succeeded) for message in messages)
        )
