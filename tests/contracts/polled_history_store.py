"""What every store of polled history does."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

import pytest

from shared.connector.history_looks import SeenJob
from shared.connector.history_store import PolledHistoryStore, Turn
from shared.errors import LeaseLostError
from shared.events.cloudevent import CloudEvent
from shared.events.log import EventLog
from tests.clocks import START

JC = "/cloudservices/cs1/jobcollections/jc1"
OTHER = "/cloudservices/cs1/jobcollections/jc2"
MINUTE = timedelta(minutes=1)
SEEN = SeenJob(attempts=3, last_started=START, known_until=START - MINUTE, complete_at=START)
UNSEEN = SeenJob(attempts=None, last_started=None, known_until=None, complete_at=START)


def event(id: str) -> CloudEvent:
    return CloudEvent(id=id, source="/subscriptions/s", type="tocsin.attempt.succeeded", data={})


class StoreWorld(Protocol):
    @property
    def store(self) -> PolledHistoryStore: ...

    @property
    def log(self) -> EventLog: ...


class PolledHistoryStoreContract(ABC):
    """A subclass opens a world over an empty store."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[StoreWorld]: ...

    @pytest.fixture
    async def world(self) -> AsyncIterator[StoreWorld]:
        async with self.open() as world:
            yield world

    @pytest.fixture
    async def turn(self, world: StoreWorld) -> Turn:
        turn = await world.store.take(JC, now=START)
        assert turn is not None
        return turn

    async def test_a_collection_is_taken_by_one(self, world: StoreWorld, turn: Turn) -> None:
        assert turn.since is None
        assert turn.until > START + MINUTE

        assert await world.store.take(JC, now=START + MINUTE) is None
        assert await world.store.take(OTHER, now=START) is not None

    async def test_a_turn_that_ended_leaves_when_everything_was_seen(
        self, world: StoreWorld, turn: Turn
    ) -> None:
        await world.store.end(turn, looked_at=START)
        assert await world.store.take(JC, now=START + timedelta(seconds=20)) is None

        second = await world.store.take(JC, now=START + MINUTE)
        assert second is not None
        assert second.since == START
        await world.store.end(second, looked_at=None)

        third = await world.store.take(JC, now=START + 2 * MINUTE)
        assert third is not None
        assert third.since == START

    async def test_p7_a_turn_that_nobody_ends_ends_by_itself(
        self, world: StoreWorld, turn: Turn
    ) -> None:
        assert await world.store.take(JC, now=turn.until - timedelta(seconds=1)) is None

        assert await world.store.take(JC, now=turn.until) is not None

    async def test_what_is_told_of_a_job_is_there_with_its_events(
        self, world: StoreWorld, turn: Turn
    ) -> None:
        await world.store.tell(turn, "a", UNSEEN, [event("e1")])
        await world.store.tell(turn, "a", SEEN, [event("e1"), event("e2")])
        await world.store.tell(turn, "b", UNSEEN, [])

        assert await world.store.seen(JC) == {"a": SEEN, "b": UNSEEN}
        assert await world.store.seen(OTHER) == {}
        assert await world.store.unknown(["e1", "e2", "e3"]) == {"e3"}
        assert await world.store.unknown([]) == frozenset()
        await world.log.publish()
        assert [one.event.id for one in await world.log.read(since=0, limit=10)] == ["e1", "e2"]

    async def test_a_job_that_is_gone_is_forgotten(self, world: StoreWorld, turn: Turn) -> None:
        await world.store.tell(turn, "a", SEEN, [])
        await world.store.tell(turn, "b", SEEN, [])

        await world.store.forget(turn, "a")

        assert await world.store.seen(JC) == {"b": SEEN}

    async def test_p7_who_lost_the_turn_writes_nothing(self, world: StoreWorld, turn: Turn) -> None:
        newer = await world.store.take(JC, now=turn.until)
        assert newer is not None
        await world.store.tell(newer, "a", SEEN, [])

        with pytest.raises(LeaseLostError):
            await world.store.tell(turn, "a", UNSEEN, [event("e1")])
        with pytest.raises(LeaseLostError):
            await world.store.forget(turn, "a")
        await world.store.end(turn, looked_at=START)

        assert await world.store.seen(JC) == {"a": SEEN}
        assert await world.store.unknown(["e1"]) == {"e1"}
        assert await world.store.take(JC, now=turn.until + MINUTE) is None
