"""Clients that keep a broker busy until it dies: they send, schedule, cancel, receive, complete, and use a session."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import ServiceBusError

from shared.clock import SystemClock
from tests.e2e.broker_ledger import Ledger

CLOCK = SystemClock()
QUEUE = "orders"
SESSIONS = "ordered"
SESSION = "one"
SIZES = (1, 1, 5)
DUE_AFTER = timedelta(seconds=4)
"""Longer than most lives of the broker."""
PATIENT_SECONDS = 5


@dataclass(frozen=True)
class Traffic:
    """The clients of every life, on one ledger."""

    ledger: Ledger
    names: "count[int]" = field(default_factory=count)

    async def run(self, client: ServiceBusClient) -> None:
        """Go on until the broker is gone; raises what it did wrong before."""
        self.ledger.in_this_life.clear()
        async with handlers(client) as (orders, ordered, receiver, session):
            works = (
                self._send(orders),
                self._receive(receiver),
                self._send_in_order(ordered),
                self._work_in_session(session),
            )
            async with asyncio.TaskGroup() as group:
                for work in works:
                    group.create_task(until_it_dies(work))

    async def drain(self, client: ServiceBusClient) -> None:
        """Complete everything that is left, also what is not due yet."""
        self.ledger.in_this_life.clear()
        async with handlers(client) as (_, _, receiver, session):
            await self._check_state(session)
            # Its lock ends, and nobody renews it.
            for each in (session, receiver):
                # Without a number, it peeks from the last that it received.
                while await each.peek_messages(1, sequence_number=1):
                    for message in await each.receive_messages(50, max_wait_time=PATIENT_SECONDS):
                        await self._complete(each, message)

    async def _send(self, sender: ServiceBusSender) -> None:
        while True:
            for size in SIZES:
                bodies = [f"order {next(self.names)}" for _ in range(size)]
                self.ledger.is_tried(*bodies)
                await sender.send_messages([ServiceBusMessage(body) for body in bodies])
                await self.ledger.is_sent(*bodies)
            await self._schedule(sender)

    async def _schedule(self, sender: ServiceBusSender) -> None:
        due = CLOCK.now() + DUE_AFTER
        kept, cancelled = bodies = [f"later {next(self.names)}" for _ in range(2)]
        self.ledger.is_tried(*bodies)
        self.ledger.due.update(dict.fromkeys(bodies, due))
        messages = [ServiceBusMessage(body) for body in bodies]
        numbers = await sender.schedule_messages(messages, due)
        self.ledger.may_be_gone.add(cancelled)
        await self.ledger.is_sent(kept, cancelled)
        await sender.cancel_scheduled_messages(numbers[1])
        await self.ledger.is_gone(cancelled)

    async def _receive(self, receiver: ServiceBusReceiver) -> None:
        async for message in receiver:
            await self._complete(receiver, message)

    async def _complete(self, receiver: ServiceBusReceiver, message: Any) -> None:
        body = self.ledger.receive(message, CLOCK.now())
        self.ledger.may_be_gone.add(body)
        await receiver.complete_message(message)
        await self.ledger.is_gone(body)

    async def _send_in_order(self, sender: ServiceBusSender) -> None:
        while True:
            body = str(next(self.names))
            self.ledger.is_tried(body)
            await sender.send_messages(ServiceBusMessage(body, session_id=SESSION))
            await self.ledger.is_sent(body)

    async def _work_in_session(self, receiver: ServiceBusReceiver) -> None:
        """Keep as the session's state which message was the last, as its users do."""
        await self._check_state(receiver)
        async for message in receiver:
            self.ledger.numbers.append(int(str(message)))
            state = str(message).encode()
            self.ledger.states.append(state)
            await receiver.session.set_state(state)
            self.ledger.states[:] = [state]
            await self._complete(receiver, message)

    async def _check_state(self, receiver: ServiceBusReceiver) -> None:
        assert await receiver.session.get_state() in self.ledger.states


@asynccontextmanager
async def handlers(client: ServiceBusClient) -> AsyncIterator[tuple[Any, ...]]:
    """Two senders, a receiver, a receiver of a session; each takes half a second to open and to close."""
    opened = (
        client.get_queue_sender(QUEUE, keep_alive=None),
        client.get_queue_sender(SESSIONS, keep_alive=None),
        client.get_queue_receiver(QUEUE, keep_alive=None, prefetch_count=10),
        client.get_queue_receiver(SESSIONS, session_id=SESSION, keep_alive=None, prefetch_count=10),
    )
    try:
        yield tuple(await asyncio.gather(*(each.__aenter__() for each in opened)))
    finally:
        await asyncio.gather(*(each.close() for each in opened))


async def until_it_dies(work: Awaitable[None]) -> None:
    with suppress(ServiceBusError):
        await work
