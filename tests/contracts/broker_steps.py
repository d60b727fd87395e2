"""The namespace that every broker's contract suite uses, and the steps its tests are made of."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from shared.messaging.broker import Receiver
from shared.messaging.entities import QueueDescription, SubscriptionDescription, TopicDescription
from shared.messaging.message import Message, ReceivedMessage

LOCK = timedelta(seconds=30)
MOMENT = timedelta(microseconds=1)
QUEUE = "orders"
OTHER = "other"
TOPIC = "facts"
SOME, ALL = f"{TOPIC}/Subscriptions/some", f"{TOPIC}/Subscriptions/all"
QUEUES = (
    QueueDescription(name=QUEUE, lock_duration=LOCK, max_delivery_count=3),
    QueueDescription(name=OTHER, lock_duration=LOCK, max_delivery_count=1),
)
TOPICS = (
    TopicDescription(
        name=TOPIC,
        subscriptions=(
            SubscriptionDescription(name="some", lock_duration=LOCK, max_delivery_count=2),
            SubscriptionDescription(name="all", lock_duration=LOCK, max_delivery_count=2),
        ),
    ),
    TopicDescription(name="unheard"),
)
DEAD_LETTERS = f"{QUEUE}/$DeadLetterQueue"

Value = TypeVar("Value")


def text(name: str) -> Message:
    return Message(body=name.encode())


async def soon(waiting: Awaitable[Value]) -> Value:
    """A broker may have threads or a network behind it, so what must happen is awaited, not expected at once."""
    async with asyncio.timeout(10):
        return await waiting


async def take(receiver: Receiver, count: int = 1) -> list[ReceivedMessage]:
    return await soon(receiver.receive(max_messages=count, max_wait=None))


async def one(receiver: Receiver) -> ReceivedMessage:
    (message,) = await take(receiver)
    return message


async def nothing(receiver: Receiver) -> bool:
    return not await soon(receiver.receive(max_messages=10, max_wait=timedelta(0)))


def bodies(messages: list[ReceivedMessage]) -> list[str]:
    return [message.message.body.decode() for message in messages]
