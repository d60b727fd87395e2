"""The port: an event sink takes one event at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a sink sends to, and the key that it signs with."""

    url: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took the event."""


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """The receiver did not take it, or nobody knows; `reason` is safe to show and log."""

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants no more events, ever."""


Outcome = Delivered | NotDelivered | Gone


class EventSink(Protocol):
    """Sends events to one destination."""

    async def send(self, event_id: str, structured: bytes) -> Outcome:
        """Send one event in structured JSON under its id, and return what became of it within the sink's time limit.

        The same event may be sent again under the same id. Safe to call many times at once. Whatever the destination
        does is an outcome; an exception is a bug.
        """


OpenSink = Callable[[Destination], EventSink]
