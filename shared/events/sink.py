"""The port: an event sink takes events in batches, and says of each what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from shared.wire.json_types import Json


class SinkType(StrEnum):
    """What a sink's settings call it."""

    WEBHOOK = "webhook"
    SERVICE_BUS_QUEUE = "servicebus-queue"
    SERVICE_BUS_TOPIC = "servicebus-topic"
    SNS = "sns"
    SQS = "sqs"
    EVENTBRIDGE = "eventbridge"


class Mode(StrEnum):
    """How CloudEvents are written: the whole event as one JSON document, or its attributes beside its data."""

    STRUCTURED = "structured"
    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a sink sends to.

    `settings` are what the event subscription shows of its sink (`url`, `queue`, `topicArn`, …), checked when it was
    made; `secrets` are texts that are shown to nobody, the newest first: a webhook's signing secrets (`whsec_…`), or
    the connection string of a namespace.
    """

    type: SinkType
    settings: Mapping[str, Json]
    mode: Mode = Mode.STRUCTURED
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event as the log holds it: its id, its type, and itself as structured JSON."""

    id: str
    type: str
    structured: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call of a sink takes, and how many calls may be on their way at once.

    Where the destination `keeps_order`, no event may overtake one that is still to be tried again: a failure holds the
    whole event subscription until then.
    """

    events: int = 1
    bytes: int = 1024 * 1024
    calls: int = 1
    keeps_order: bool = False


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took the event."""


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """The receiver did not take it, or nobody knows; `reason` is safe to show and log. Retrying is of no use when
    `is_permanent`: too large, or refused for what it is."""

    reason: str
    retry_after: timedelta | None = None
    is_permanent: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants no more events, ever."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Not sent, because an event that must come first was not delivered, which counts as no attempt of this one.

    Only where the destination keeps order, and beside the `NotDelivered` of that event.
    """


Outcome = Delivered | NotDelivered | Gone | HeldBack


class EventSink(Protocol):
    """Sends events to one destination."""

    @property
    def limits(self) -> Limits:
        """What `send` takes at most; a single event above `bytes` is given alone all the same."""

    async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
        """Send events, and return what became of each, in their order, within the sink's time limit.

        The same event may be sent again under the same id. Safe to call `limits.calls` times at once. Whatever the
        destination does is an outcome; an exception is a bug.
        """


OpenSink = Callable[[Destination], EventSink]
