"""The queues and topics that Tocsin uses, described once for the embedded broker, the docs and the infrastructure."""

from dataclasses import dataclass
from datetime import timedelta

from shared.messaging.rules import DEFAULT_RULE, RuleDescription

COMMANDS = "commands"
COMMANDS_ORDERED = "commands-ordered"
OPERATIONS = "operations"
SERVICE_OPERATIONS = "service-operations"
EXECUTIONS = "executions"
HISTORY = "history"
DELIVERIES = "deliveries"
REJECTED = "rejected"
EVENTS = "events"
"""A topic: what subscribes to it in Service Bus gets the events that its own filters let through."""

GIGABYTE = 2**30


@dataclass(frozen=True, kw_only=True)
class EntityDescription:
    """What queues and topics have in common; `max_size` is in bytes, and None for a time means never."""

    name: str
    default_message_time_to_live: timedelta | None = None
    duplicate_detection_window: timedelta | None = None
    max_size: int = GIGABYTE


@dataclass(frozen=True, kw_only=True)
class ReceivingDescription:
    """What can be received from: how long locks last, how often a message is delivered, what becomes of it then."""

    lock_duration: timedelta = timedelta(minutes=1)
    max_delivery_count: int = 100
    requires_session: bool = False
    dead_lettering_on_message_expiration: bool = False


@dataclass(frozen=True, kw_only=True)
class QueueDescription(EntityDescription, ReceivingDescription):
    """A queue."""


@dataclass(frozen=True, kw_only=True)
class SubscriptionDescription(ReceivingDescription):
    """A topic's subscription; it gets a copy of each message that one of its rules matches."""

    name: str
    default_message_time_to_live: timedelta | None = None
    rules: tuple[RuleDescription, ...] = (DEFAULT_RULE,)


@dataclass(frozen=True, kw_only=True)
class TopicDescription(EntityDescription):
    """A topic and its subscriptions."""

    subscriptions: tuple[SubscriptionDescription, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NamespaceDescription:
    """Everything under one name and one set of keys."""

    name: str
    queues: tuple[QueueDescription, ...] = ()
    topics: tuple[TopicDescription, ...] = ()


TOCSIN_QUEUES = (
    *(
        QueueDescription(name=name)
        for name in (
            COMMANDS,
            OPERATIONS,
            SERVICE_OPERATIONS,
            EXECUTIONS,
            HISTORY,
            DELIVERIES,
            REJECTED,
        )
    ),
    QueueDescription(name=COMMANDS_ORDERED, requires_session=True),
)
