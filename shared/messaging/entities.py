"""The queues and topics that Tocsin uses, described once for the embedded broker, the docs and the infrastructure."""

from dataclasses import dataclass
from datetime import timedelta

COMMANDS = "commands"
OPERATIONS = "operations"
SERVICE_OPERATIONS = "service-operations"
EXECUTIONS = "executions"
HISTORY = "history"
DELIVERIES = "deliveries"
REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDescription:
    """Properties of a queue, or of a topic's subscription."""

    name: str
    lock_duration: timedelta = timedelta(minutes=1)
    max_delivery_count: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDescription:
    """A topic and its subscriptions; each subscription gets a copy of every message."""

    name: str
    subscriptions: tuple[QueueDescription, ...] = ()


TOCSIN_QUEUES = tuple(
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
)
