"""What every event sink does, whatever it sends to."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from enum import Enum, auto
from typing import Any, ClassVar, Protocol

import pytest

from shared.events.sink import Delivered, EventSink, Gone, NotDelivered, Outcome, OutgoingEvent

BUSY_FOR = timedelta(seconds=7)
EVENT = b'{"specversion": "1.0", "id": "e1", "source": "/s", "type": "t", "data": {"name": "caf\\u00e9"}}'


class Behaviour(Enum):
    """What the receiving side does with events."""

    TAKE = auto()
    REFUSE = auto()
    BUSY = auto()
    GONE = auto()
    HANG_UP = auto()
    STAY_SILENT = auto()


class Destined(Protocol):
    """A sink and what stands behind it; it gives up on silence within a second."""

    @property
    def sink(self) -> EventSink: ...

    @property
    def received(self) -> list[tuple[str, bytes]]:
        """Every event that arrived, with the id under which it was sent."""

    def behave(self, behaviour: Behaviour) -> None: ...


async def send_one(sink: EventSink, name: str, structured: bytes) -> Outcome:
    """Send one event and return what became of it."""
    (outcome,) = await sink.send([OutgoingEvent(name, "t", structured)])
    return outcome


def event_named(name: str, *, subject: str = "/a", filler: int = 0) -> OutgoingEvent:
    """Return an event of that id, of a few bytes more than `filler`."""
    document = json.loads(EVENT) | {"id": name, "subject": subject}
    document["data"]["filler"] = "x" * filler
    return OutgoingEvent(name, "t", json.dumps(document).encode())


def arrived(destined: Destined) -> list[tuple[str, Any]]:
    """Return what was received, read: what is written in two ways is the same event."""
    return [(name, json.loads(structured)) for name, structured in destined.received]


def as_sent(events: Sequence[OutgoingEvent]) -> list[tuple[str, Any]]:
    return [(event.id, json.loads(event.structured)) for event in events]


class EventSinkContract(ABC):
    """Subclass and say how a sink with a receiver is opened."""

    FORGETS_REPEATS: ClassVar[bool] = False
    """Whether the destination itself drops what it has had before."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Destined]: ...

    @pytest.fixture
    async def destined(self) -> AsyncIterator[Destined]:
        async with self.open() as destined:
            yield destined

    async def test_an_event_that_is_taken_is_delivered_as_it_was(self, destined: Destined) -> None:
        outcome = await send_one(destined.sink, "e1", EVENT)

        assert outcome == Delivered()
        assert arrived(destined) == [("e1", json.loads(EVENT))]

    async def test_p6_an_event_sent_again_has_the_same_id(self, destined: Destined) -> None:
        for _ in range(2):
            assert await send_one(destined.sink, "e1", EVENT) == Delivered()

        times = 1 if self.FORGETS_REPEATS else 2
        assert arrived(destined) == [("e1", json.loads(EVENT))] * times

    async def test_many_at_once_all_arrive(self, destined: Destined) -> None:
        limits = destined.sink.limits
        events = [event_named(f"e{count}") for count in range(limits.events * limits.calls)]
        batches = [
            events[start : start + limits.events] for start in range(0, len(events), limits.events)
        ]

        outcomes = await asyncio.gather(*(destined.sink.send(batch) for batch in batches))

        assert [one for each in outcomes for one in each] == [Delivered()] * len(events)
        assert sorted(name for name, _ in arrived(destined)) == sorted(one.id for one in events)

    async def test_a_whole_batch_arrives_as_it_was_and_where_order_is_kept_in_order(
        self, destined: Destined
    ) -> None:
        events = [event_named(f"e{count}") for count in range(destined.sink.limits.events)]

        outcomes = await destined.sink.send(events)

        assert list(outcomes) == [Delivered()] * len(events)
        found = arrived(destined)
        if not destined.sink.limits.keeps_order:
            found.sort(key=lambda one: [event.id for event in events].index(one[0]))
        assert found == as_sent(events)


class SizedSinkContract(EventSinkContract):
    """What a sink does whose destination takes events up to a size."""

    TOO_LARGE: ClassVar[int] = 1024 * 1024
    """Bytes that are too many for one event."""

    async def test_p10_of_an_event_too_large_no_retry_is_of_use_and_the_others_arrive(
        self, destined: Destined
    ) -> None:
        events = [event_named("e1"), event_named("e2", filler=self.TOO_LARGE), event_named("e3")]

        first, second, third = await destined.sink.send(events)

        assert (first, third) == (Delivered(), Delivered())
        assert isinstance(second, NotDelivered)
        assert second.is_permanent
        assert "too large" in second.reason
        assert sorted(name for name, _ in arrived(destined)) == ["e1", "e3"]

    async def test_events_that_are_too_large_together_all_arrive(self, destined: Destined) -> None:
        events = [event_named(f"e{count}", filler=self.TOO_LARGE // 5) for count in range(6)]

        outcomes = await destined.sink.send(events)

        assert list(outcomes) == [Delivered()] * 6
        assert sorted(name for name, _ in arrived(destined)) == [one.id for one in events]


class FailingSinkContract(EventSinkContract):
    """What a sink does whose destination can be made to fail."""

    @pytest.mark.parametrize(
        "behaviour", [Behaviour.REFUSE, Behaviour.HANG_UP, Behaviour.STAY_SILENT]
    )
    async def test_whatever_the_receiver_does_is_an_outcome(
        self, destined: Destined, behaviour: Behaviour
    ) -> None:
        destined.behave(behaviour)

        outcome = await send_one(destined.sink, "e1", EVENT)

        assert isinstance(outcome, NotDelivered)
        assert outcome.reason
        assert outcome.retry_after is None
        assert not outcome.is_permanent

    async def test_of_a_batch_that_fails_as_a_whole_nothing_is_called_delivered(
        self, destined: Destined
    ) -> None:
        destined.behave(Behaviour.HANG_UP)

        first, *others = await destined.sink.send([event_named("e1"), event_named("e2")])

        assert isinstance(first, NotDelivered)
        assert Delivered() not in others

    async def test_a_receiver_that_recovers_gets_events_again(self, destined: Destined) -> None:
        destined.behave(Behaviour.HANG_UP)
        await send_one(destined.sink, "e1", EVENT)
        destined.behave(Behaviour.TAKE)

        assert await send_one(destined.sink, "e1", EVENT) == Delivered()


class RespondingSinkContract(FailingSinkContract):
    """What a sink does whose receiver can say more than yes and no."""

    async def test_a_busy_receiver_says_when_to_come_back(self, destined: Destined) -> None:
        destined.behave(Behaviour.BUSY)

        outcome = await send_one(destined.sink, "e1", EVENT)

        assert isinstance(outcome, NotDelivered)
        assert outcome.retry_after == BUSY_FOR

    async def test_a_receiver_can_end_it(self, destined: Destined) -> None:
        destined.behave(Behaviour.GONE)

        assert await send_one(destined.sink, "e1", EVENT) == Gone()
