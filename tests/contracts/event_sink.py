"""What every event sink does, whatever it sends to."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from enum import Enum, auto
from typing import Protocol

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


class EventSinkContract(ABC):
    """Subclass and say how a sink with a receiver is opened."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Destined]: ...

    @pytest.fixture
    async def destined(self) -> AsyncIterator[Destined]:
        async with self.open() as destined:
            yield destined

    async def test_an_event_that_is_taken_is_delivered_as_it_was(self, destined: Destined) -> None:
        outcome = await send_one(destined.sink, "e1", EVENT)

        assert outcome == Delivered()
        assert destined.received == [("e1", EVENT)]

    async def test_p6_an_event_sent_again_has_the_same_id(self, destined: Destined) -> None:
        await send_one(destined.sink, "e1", EVENT)
        await send_one(destined.sink, "e1", EVENT)

        assert destined.received == [("e1", EVENT)] * 2

    async def test_many_at_once_all_arrive(self, destined: Destined) -> None:
        names = [f"e{count}" for count in range(50)]

        outcomes = await asyncio.gather(*(send_one(destined.sink, name, EVENT) for name in names))

        assert outcomes == [Delivered()] * 50
        assert sorted(name for name, _ in destined.received) == sorted(names)

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

    async def test_a_busy_receiver_says_when_to_come_back(self, destined: Destined) -> None:
        destined.behave(Behaviour.BUSY)

        outcome = await send_one(destined.sink, "e1", EVENT)

        assert isinstance(outcome, NotDelivered)
        assert outcome.retry_after == BUSY_FOR

    async def test_a_receiver_can_end_it(self, destined: Destined) -> None:
        destined.behave(Behaviour.GONE)

        assert await send_one(destined.sink, "e1", EVENT) == Gone()

    async def test_a_receiver_that_recovers_gets_events_again(self, destined: Destined) -> None:
        destined.behave(Behaviour.HANG_UP)
        await send_one(destined.sink, "e1", EVENT)
        destined.behave(Behaviour.TAKE)

        assert await send_one(destined.sink, "e1", EVENT) == Delivered()
