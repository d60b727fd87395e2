"""The namespace that every broker's contract suite uses, and the steps its tests are made of."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from shared.messaging.broker import Receiver
from shared.messaging.entities import QueueDescription, SubscriptionDescription, TopicDescription
from shared.messaging.message import Message, ReceivedMessage
from shared.messaging.rules import (
    CorrelationFilter,
    FalseFilter,
    RuleDescription,
    SqlFilter,
    TrueFilter,
)

LOCK = timedelta(seconds=30)
MOMENT = timedelta(milliseconds=1)
"""Instants have no finer grain on the wire."""
LIFE = timedelta(seconds=60)
WINDOW = timedelta(seconds=20)
ROOM = 10_000

QUEUE = "orders"
OTHER = "other"
ORDERED = "ordered"
UNIQUE = "unique"
FLEETING = "fleeting"
SMALL = "small"
QUEUES = (
    QueueDescription(name=QUEUE, lock_duration=LOCK, max_delivery_count=3),
    QueueDescription(name=OTHER, lock_duration=LOCK, max_delivery_count=1),
    QueueDescription(name=ORDERED, lock_duration=LOCK, max_delivery_count=3, requires_session=True),
    QueueDescription(name=UNIQUE, lock_duration=LOCK, duplicate_detection_window=WINDOW),
    QueueDescription(
        name=FLEETING,
        lock_duration=LOCK,
        default_message_time_to_live=LIFE,
        dead_lettering_on_message_expiration=True,
    ),
    QueueDescription(name=SMALL, lock_duration=LOCK, max_size=ROOM),
)

TOPIC = "facts"
SOME, ALL = f"{TOPIC}/Subscriptions/some", f"{TOPIC}/Subscriptions/all"
SORTED = "sorted"
LARGE, RED, NEVER, BRIEF, BY_SESSION = (
    f"{SORTED}/Subscriptions/{name}" for name in ("large", "red", "never", "brief", "by-session")
)
ACTED = "acted"
MARKED, BY_CUSTOMER = (f"{ACTED}/Subscriptions/{name}" for name in ("marked", "by-customer"))
TOPICS = (
    TopicDescription(
        name=TOPIC,
        subscriptions=(
            SubscriptionDescription(name="some", lock_duration=LOCK, max_delivery_count=2),
            SubscriptionDescription(name="all", lock_duration=LOCK, max_delivery_count=2),
        ),
    ),
    TopicDescription(name="unheard"),
    TopicDescription(
        name=SORTED,
        subscriptions=(
            SubscriptionDescription(
                name="large",
                rules=(
                    RuleDescription("by-size", SqlFilter("size > 10")),
                    RuleDescription("by-name", SqlFilter("sys.Label LIKE 'large%'")),
                ),
            ),
            SubscriptionDescription(
                name="red",
                rules=(RuleDescription("red", CorrelationFilter(properties={"colour": "red"})),),
            ),
            SubscriptionDescription(name="never", rules=(RuleDescription("never", FalseFilter()),)),
            SubscriptionDescription(
                name="brief",
                default_message_time_to_live=LIFE,
                rules=(RuleDescription("brief", CorrelationFilter(subject="brief")),),
            ),
            SubscriptionDescription(
                name="by-session",
                requires_session=True,
                lock_duration=LOCK,
                rules=(RuleDescription("chat", CorrelationFilter(subject="chat")),),
            ),
        ),
    ),
    TopicDescription(
        name=ACTED,
        subscriptions=(
            SubscriptionDescription(
                name="marked",
                lock_duration=LOCK,
                rules=(
                    RuleDescription("all", TrueFilter()),
                    RuleDescription("sized", SqlFilter("size > 0")),
                    RuleDescription(
                        "grow", SqlFilter("size > 10"), "SET size = size + 1; SET class = 'large'"
                    ),
                    RuleDescription(
                        "letter",
                        CorrelationFilter(subject="letter"),
                        "SET sys.To = 'Entity'\nREMOVE size\nREMOVE sys.Label",
                    ),
                ),
            ),
            SubscriptionDescription(
                name="by-customer",
                requires_session=True,
                lock_duration=LOCK,
                rules=(RuleDescription("own", TrueFilter(), "SET sys.SessionId = customer"),),
            ),
        ),
    ),
)
DEAD_LETTERS = f"{QUEUE}/$DeadLetterQueue"

Value = TypeVar("Value")


def text(name: str, session_id: str | None = None) -> Message:
    return Message(body=name.encode(), session_id=session_id)


def is_near(one: datetime | None, other: datetime) -> bool:
    """Instants lose what is below a millisecond on the wire."""
    return one is not None and abs(one - other) < MOMENT


async def soon(waiting: Awaitable[Value]) -> Value:
    """A broker may have threads or a network behind it, so what must happen is awaited, not expected at once."""
    async with asyncio.timeout(10):
        return await waiting


async def take(receiver: Receiver, count: int = 1) -> list[ReceivedMessage]:
    """A call may return fewer than there are, so `count` messages are taken in several, or all when they are fewer."""
    taken = await soon(receiver.receive(max_messages=count, max_wait=None))
    while taken and len(taken) < count:
        rest = count - len(taken)
        more = await soon(receiver.receive(max_messages=rest, max_wait=timedelta(0)))
        if not more:
            break
        taken += more
    return taken


async def one(receiver: Receiver) -> ReceivedMessage:
    (message,) = await take(receiver)
    return message


async def nothing(receiver: Receiver) -> bool:
    return not await soon(receiver.receive(max_messages=10, max_wait=timedelta(0)))


def bodies(messages: list[ReceivedMessage]) -> list[str]:
    return [message.message.body.decode() for message in messages]
