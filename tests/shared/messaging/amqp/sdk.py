"""The unmodified azure-servicebus SDK, its synchronous and its asynchronous half behind the same calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient

from shared.clock import NO_TIME
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.serving import Served, present_clock, serving

LOCK = timedelta(seconds=5)
QUEUE = "Orders"
SESSIONS = "Ordered"
TOPIC = "Facts"
SUBSCRIPTION = "All"
SOURCES = (QUEUE, SESSIONS, f"{TOPIC}/Subscriptions/{SUBSCRIPTION}", f"{QUEUE}/$DeadLetterQueue")


def description(name: str = "one") -> NamespaceDescription:
    return NamespaceDescription(
        name=name,
        queues=(
            QueueDescription(name=QUEUE, lock_duration=LOCK, max_size=400_000),
            QueueDescription(name=SESSIONS, lock_duration=LOCK, requires_session=True),
        ),
        topics=(
            TopicDescription(
                name=TOPIC,
                subscriptions=(SubscriptionDescription(name=SUBSCRIPTION, lock_duration=LOCK),),
            ),
        ),
    )


@dataclass
class Sdk:
    """A client of a served namespace; handlers take half a second to open, so they are kept (facts, trap 3)."""

    served: Served
    clock: FakeClock
    client: Any
    is_sync: bool
    _open: list[Any] = field(default_factory=list)
    _handlers: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    async def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a method of the SDK, in a thread when it is one that blocks."""
        if self.is_sync:
            return await asyncio.to_thread(function, *args, **options)
        return await function(*args, **options)

    async def sender(self, queue: str = QUEUE) -> Any:
        return await self._kept(self.client.get_queue_sender, queue, keep_alive=None)

    async def receiver(self, queue: str = QUEUE, **options: Any) -> Any:
        return await self._kept(
            self.client.get_queue_receiver, queue, max_wait_time=10, keep_alive=None, **options
        )

    async def send(self, *messages: Any, queue: str = QUEUE) -> None:
        sender = await self.sender(queue)
        await self.call(sender.send_messages, list(messages))

    async def receive(self, count: int = 1, *, queue: str = QUEUE, **options: Any) -> list[Any]:
        """Receive as many as there are: what is asked for and not there comes to this receiver in a later test."""
        receiver = await self.receiver(queue, **options)
        received = await self.call(receiver.receive_messages, count)
        assert isinstance(received, list)
        return received

    async def opened(self, handler: Any) -> Any:
        """Open a handler that is closed at the end, also when it cannot be opened."""
        self._open.append(handler)
        await self.call(handler.__enter__ if self.is_sync else handler.__aenter__)
        return handler

    async def close(self) -> None:
        """Close all at the same time, since each takes half a second; then the clients, which close theirs too."""
        clients = [each for each in self._open if hasattr(each, "get_queue_sender")]
        handlers = [each for each in self._open if each not in clients]
        await asyncio.gather(*(self.call(handler.close) for handler in handlers))
        for client in clients:
            await self.call(client.close)

    async def empty(self) -> None:
        """Let go of what a test has left behind."""
        await self.clock.advance(LOCK)
        core = self.served.core
        for source in SOURCES[:1] + SOURCES[2:]:
            while await core.take(source, max_messages=100, max_wait=NO_TIME):
                pass

    async def _kept(self, get: Callable[..., Any], queue: str, **options: Any) -> Any:
        key = (get.__name__, queue, *sorted(options.items()))
        if key not in self._handlers:
            self._handlers[key] = await self.opened(get(queue, **options))
        return self._handlers[key]


@asynccontextmanager
async def sdk_of(*, is_sync: bool) -> AsyncIterator[Sdk]:
    """Serve two namespaces, the second for nobody, and connect to the first."""
    clock = present_clock()
    async with serving(description("one"), description("two"), clock=clock) as served:
        kind: Any = ServiceBusClient if is_sync else AsyncServiceBusClient
        client = kind.from_connection_string(served.connection_string, retry_total=0)
        sdk = Sdk(served=served, clock=clock, client=client, is_sync=is_sync)
        await sdk.opened(client)
        yield sdk
        await sdk.close()


def texts(messages: list[Any]) -> list[str]:
    return [str(message) for message in messages]


def messages(*bodies: str, **options: Any) -> list[ServiceBusMessage]:
    return [ServiceBusMessage(body, **options) for body in bodies]


async def active(served: Served, path: str = QUEUE) -> int:
    counts = {counts.path: counts for counts in await served.core.counts()}
    return counts[path.lower()].active
