"""Service Bus: queues and topics of our own namespace, by the process's broker, or of another, by a connection string.

A batch of the broker's is taken or refused as a whole, so that what holds for it holds for each event in it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Protocol

from shared.errors import MessageSizeExceededError, TocsinError, TransientError
from shared.events.binary_mode import binary_event
from shared.events.cloudevent import CONTENT_TYPE
from shared.events.sink import (
    Delivered,
    Destination,
    Limits,
    Mode,
    NotDelivered,
    Outcome,
    OutgoingEvent,
    SinkType,
)
from shared.messaging.broker import Sender
from shared.messaging.message import Message

KEPT = 50
LONGEST_ID = 128
# Of 256 KB: the rest is for the sections of each message, which the broker counts too.
LIMITS = Limits(events=100, bytes=160 * 1024, calls=1)

Opened = AbstractAsyncContextManager[Sender]


class NamespaceSender(Sender, Protocol):
    """Sends to the entities of one namespace."""

    async def close(self) -> None: ...


NewSender = Callable[[str], NamespaceSender]


class ServiceBusSinks:
    """Opens sinks; keeps one sender for each connection string, those used last."""

    def __init__(
        self, own: Sender, *, new_sender: NewSender, time_limit: timedelta, kept: int = KEPT
    ) -> None:
        """`new_sender` is given a connection string, and opens nothing until it is used."""
        self._own = own
        self._new_sender = new_sender
        self._time_limit = time_limit
        self._kept = kept
        self._namespaces: OrderedDict[bytes, Namespace] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def open(self, destination: Destination) -> "ServiceBusSink":
        """Return the sink of one destination; it connects when it sends."""
        if not destination.secrets:
            return ServiceBusSink(destination, self._ours, time_limit=self._time_limit)
        connection_string = destination.secrets[0]
        return ServiceBusSink(
            destination, lambda: self._theirs(connection_string), time_limit=self._time_limit
        )

    async def close(self) -> None:
        """Close what was opened; the process's broker is not ours to close."""
        for key in list(self._namespaces):
            self._drop(key)
        if self._closing:
            await asyncio.wait(self._closing)

    @asynccontextmanager
    async def _ours(self) -> AsyncIterator[Sender]:
        yield self._own

    @asynccontextmanager
    async def _theirs(self, connection_string: str) -> AsyncIterator[Sender]:
        key = sha256(connection_string.encode()).digest()
        if key not in self._namespaces:
            self._namespaces[key] = Namespace(self._new_sender(connection_string))
        namespace = self._namespaces[key]
        self._namespaces.move_to_end(key)
        namespace.users += 1
        try:
            yield namespace.sender
        finally:
            namespace.users -= 1
            self._trim()

    def _trim(self) -> None:
        unused = [key for key, one in self._namespaces.items() if one.users == 0]
        for key in unused[: max(0, len(self._namespaces) - self._kept)]:
            self._drop(key)

    def _drop(self, key: bytes) -> None:
        """Close a namespace without anybody having to wait for it, which takes seconds where it is away."""
        task = asyncio.create_task(close(self._namespaces.pop(key).sender))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@dataclass(slots=True)
class Namespace:
    """A sender and how many send by it at present."""

    sender: NamespaceSender
    users: int = 0


async def close(sender: NamespaceSender) -> None:
    await sender.close()


class ServiceBusSink:
    """Sends to one queue or topic."""

    def __init__(
        self, destination: Destination, sender: Callable[[], Opened], *, time_limit: timedelta
    ) -> None:
        member = "queue" if destination.type is SinkType.SERVICE_BUS_QUEUE else "topic"
        self._entity = str(destination.settings[member])
        self._mode = destination.mode
        self._sender = sender
        self._time_limit = time_limit

    @property
    def limits(self) -> Limits:
        return LIMITS

    async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
        messages = [message_of(event, self._mode) for event in events]
        outcomes: list[Outcome] = []
        try:
            async with asyncio.timeout(self._time_limit.total_seconds()), self._sender() as sender:
                await self._send(sender, messages, outcomes)
        except TimeoutError:
            late = NotDelivered(f"no answer within {self._time_limit.total_seconds():g} s")
            outcomes += [late] * (len(events) - len(outcomes))
        except TocsinError as error:
            outcomes += [failure(error)] * (len(events) - len(outcomes))
        return outcomes

    async def _send(
        self, sender: Sender, messages: Sequence[Message], outcomes: list[Outcome]
    ) -> None:
        """Send all in as few batches as hold them; add what became of each to `outcomes`."""
        try:
            await sender.send(self._entity, messages)
        except MessageSizeExceededError:
            if len(messages) == 1:
                outcomes.append(NotDelivered("too large", is_permanent=True))
                return
            for message in messages:
                await self._send(sender, [message], outcomes)
        else:
            outcomes += [Delivered()] * len(messages)


def failure(error: TocsinError) -> NotDelivered:
    """Return what an error means for an event: no more of it is told than its code, since the rest may quote."""
    retry_after = error.retry_after if isinstance(error, TransientError) else None
    return NotDelivered(f"Service Bus: {error.code}", retry_after)


def message_of(event: OutgoingEvent, mode: Mode) -> Message:
    """Return an event as a message; in both modes rules can select by its attributes.

    A repeat has the same id, so that duplicate detection knows it.
    """
    taken_apart = binary_event(event.structured)
    is_binary = mode is Mode.BINARY
    attributes = taken_apart.attributes
    return Message(
        body=taken_apart.body if is_binary else event.structured,
        content_type=taken_apart.content_type if is_binary else CONTENT_TYPE,
        message_id=short_id(event.id),
        subject=text_or_none(attributes.get("subject")),
        correlation_id=text_or_none(attributes.get("correlationid")),
        application_properties=taken_apart.amqp_properties,
    )


def short_id(text: str) -> str:
    return text if len(text) <= LONGEST_ID else sha256(text.encode()).hexdigest()


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
