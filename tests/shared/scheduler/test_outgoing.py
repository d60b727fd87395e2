"""The way to the queue `history`, over a real database and the embedded broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import TransientError
from shared.events.batch import read_batch
from shared.events.cloudevent import CloudEvent
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import HISTORY, TOCSIN_QUEUES
from shared.messaging.message import Message, StoredMessage
from shared.scheduler.outgoing import LONGEST_BODY, LONGEST_ROW, Outgoing, packed
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.tables import SCHEMA
from shared.sql.database import Database, Transaction
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import FakeClock, settle
from tests.shared.connector.killing import Countdown, Killed, MortalDatabase


class Gate:
    """A queue elsewhere, or in the same file, that can be shut, out of reach, or slow; all else is the broker's."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker
        self.sends_with_commit = False
        self.error: TransientError | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.sends = 0

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        self.sends += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        await self._broker.send(entity, messages)

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        self.sends += 1
        if self.error is not None:
            raise self.error
        self._broker.send_in(transaction, entity, messages)

    async def peek(
        self, entity: str, *, from_sequence_number: int = 0, max_messages: int = 1
    ) -> list[StoredMessage]:
        return await self._broker.peek(
            entity, from_sequence_number=from_sequence_number, max_messages=max_messages
        )

    async def close(self) -> None:
        await self._broker.close()


@dataclass(slots=True)
class World:
    database: Database
    gate: Gate
    outgoing: Outgoing

    async def tell(self, *ids: str, data: Any = None) -> None:
        """Commit events in one transaction."""
        events = [CloudEvent(id=id, source="/s", type="t", data=data) for id in ids]
        await self.database.run(lambda transaction: self.outgoing.insert(transaction, events))

    async def messages(self) -> list[Message]:
        return [one.message for one in await self.gate.peek(HISTORY, max_messages=10_000)]

    async def told(self) -> list[list[str]]:
        """Return the ids of the events in each message."""
        return [
            [one.event.id for one in read_batch(message.body).events.values()]
            for message in await self.messages()
        ]

    async def rows(self) -> int:
        return len(await self.database.read(lambda c: SqlOutgoing().oldest(c, limit=10_000)))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, BROKER_SCHEMA)
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(path)
    gate = Gate(EmbeddedBroker(database, clock=FakeClock(), queues=TOCSIN_QUEUES))
    yield World(database, gate, Outgoing(database, SqlOutgoing(), gate))
    await gate.close()
    await database.close()


async def test_events_travel_in_their_order_as_one_batch(world: World) -> None:
    await world.tell("a", "b")
    await world.tell("c")

    assert await world.outgoing.send() == 1

    (message,) = await world.messages()
    assert await world.told() == [["a", "b", "c"]]
    assert message.content_type == "application/cloudevents-batch+json"
    assert [event["id"] for event in json.loads(message.body)] == ["a", "b", "c"]
    assert await world.rows() == 0


async def test_where_nothing_is_to_be_told_nothing_is_sent(world: World) -> None:
    await world.tell()

    assert await world.outgoing.send() == 0
    assert world.gate.sends == 0


async def test_where_nobody_is_there_to_be_told_nothing_is_kept(world: World) -> None:
    alone = World(world.database, world.gate, Outgoing(world.database, SqlOutgoing(), broker=None))

    await alone.tell("a", "b")

    assert await alone.rows() == 0
    assert await alone.outgoing.send() == 0
    assert world.gate.sends == 0


async def test_more_rows_than_are_read_at_once_are_all_sent(world: World) -> None:
    names = [f"e{number}" for number in range(1_001)]
    for name in names:
        await world.tell(name)

    assert await world.outgoing.send() == 3

    assert sum(await world.told(), []) == names
    assert await world.rows() == 0


async def test_events_of_one_transaction_that_no_message_holds_go_in_several(world: World) -> None:
    names = [f"e{number}" for number in range(10)]
    await world.tell(*names, data="x" * 50_000)

    assert await world.outgoing.send() == 4

    assert [len(ids) for ids in await world.told()] == [3, 3, 3, 1]
    assert sum(await world.told(), []) == names
    assert all(len(message.body) <= LONGEST_BODY for message in await world.messages())


def of_size(size: int) -> str:
    """Return data with which an event called `e` is as long as `size`."""
    empty = len(CloudEvent(id="e", source="/s", type="t", data="").encode())
    return "x" * (size - empty)


async def test_an_event_just_as_large_as_a_message_goes_whole(world: World) -> None:
    await world.tell("e", data=of_size(LONGEST_ROW))

    await world.outgoing.send()

    (message,) = await world.messages()
    assert len(message.body) == LONGEST_BODY
    assert read_batch(message.body).events[0].event.data is not None


async def test_p6_an_event_too_large_for_any_message_goes_without_data_and_delays_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.tell("e", data=of_size(LONGEST_ROW + 1))
    await world.tell("f", data="small")

    await world.outgoing.send()

    (message,) = await world.messages()
    events = [one.event for one in read_batch(message.body).events.values()]
    data = {event.id: event.data for event in events}
    assert data == {"e": None, "f": "small"}
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "xxx" not in caplog.text


near_the_limit = st.sampled_from([1, 2, LONGEST_ROW // 2, LONGEST_ROW - 2, LONGEST_ROW - 1])


@given(
    st.lists(
        (near_the_limit | st.integers(1, LONGEST_ROW)).map(lambda size: b"x" * size), max_size=12
    )
)
def test_packing_keeps_order_and_size_and_never_leaves_room_for_the_next(
    bodies: list[bytes],
) -> None:
    rows = list(packed(bodies))

    assert b",".join(rows) == b",".join(bodies)
    assert all(len(row) <= LONGEST_ROW for row in rows)
    firsts = [len(row.partition(b",")[0]) for row in rows]
    assert all(
        len(row) + 1 + first > LONGEST_ROW for row, first in zip(rows, firsts[1:], strict=False)
    )


async def test_p7_a_queue_out_of_reach_loses_nothing_and_says_so(world: World) -> None:
    await world.tell("a")
    world.gate.error = TransientError("the queue is gone")

    with pytest.raises(TransientError):
        await world.outgoing.send()
    world.gate.error = None
    await world.tell("b")
    await world.outgoing.send()

    assert await world.told() == [["a", "b"]]


@pytest.mark.parametrize("left", [0, 1])
async def test_p7_a_crash_around_the_deletion_sends_again_or_not_and_loses_nothing(
    world: World, left: int
) -> None:
    countdown = Countdown()
    await world.tell("a")
    dying = Outgoing(MortalDatabase(world.database, countdown), SqlOutgoing(), world.gate)
    countdown.left = left

    with pytest.raises(Killed):
        await dying.send()
    await world.tell("b")
    await world.outgoing.send()

    # Under another id, or a queue that detects duplicates would drop what is new in it.
    assert await world.told() == ([["a"], ["a", "b"]] if left == 0 else [["a"], ["b"]])
    assert len({message.message_id for message in await world.messages()}) == 2


@pytest.mark.parametrize(("left", "told"), [(0, [["a", "b"]]), (1, [["a"], ["b"]])])
async def test_p7_a_crash_around_a_commit_that_sends_too_tells_nothing_twice(
    world: World, left: int, told: list[list[str]]
) -> None:
    world.gate.sends_with_commit = True
    countdown = Countdown()
    await world.tell("a")
    dying = Outgoing(MortalDatabase(world.database, countdown), SqlOutgoing(), world.gate)
    countdown.left = left

    with pytest.raises(Killed):
        await dying.send()
    await world.tell("b")
    await world.outgoing.send()

    assert await world.told() == told


async def test_p7_what_a_queue_in_the_same_file_does_not_take_stays(world: World) -> None:
    world.gate.sends_with_commit = True
    await world.tell("a")
    world.gate.error = TransientError("the queue is gone")

    with pytest.raises(TransientError):
        await world.outgoing.send()
    world.gate.error = None

    assert await world.outgoing.send() == 1
    assert await world.told() == [["a"]]


async def test_callers_in_one_turn_of_the_loop_share_a_run(world: World) -> None:
    world.gate.sends_with_commit = True
    await world.tell("a")

    assert await asyncio.gather(*(world.outgoing.send() for _ in range(10))) == [1] * 10
    assert await world.told() == [["a"]]


async def test_a_repeat_that_is_the_same_has_the_same_message_id(world: World) -> None:
    for _ in range(2):
        await world.tell("a", "b")
        await world.outgoing.send()

    first, second = await world.messages()
    assert first.message_id == second.message_id


async def blocked(world: World) -> asyncio.Task[int]:
    """Return a call of `send` that has read its rows and waits at the queue."""
    world.gate.open.clear()
    sending = asyncio.create_task(world.outgoing.send())
    await settle()
    assert world.gate.sends == 1
    return sending


async def test_only_what_was_sent_is_deleted_when_more_is_committed_meanwhile(
    world: World,
) -> None:
    await world.tell("a")
    sending = await blocked(world)
    await world.tell("b")

    world.gate.open.set()
    await sending

    assert await world.told() == [["a"]]
    assert await world.rows() == 1


async def test_callers_during_a_run_share_the_next_one_and_return_after_it(world: World) -> None:
    await world.tell("first")
    first = await blocked(world)

    async def tell_and_send(name: str) -> None:
        await world.tell(name)
        await world.outgoing.send()
        assert name in sum(await world.told(), [])

    later = [asyncio.create_task(tell_and_send(f"e{number}")) for number in range(10)]
    await settle()
    world.gate.open.set()
    await asyncio.gather(first, *later)

    assert await world.told() == [["first"], [f"e{number}" for number in range(10)]]
    assert world.gate.sends == 2


async def test_p7_a_failure_is_told_to_the_callers_of_that_run_alone(world: World) -> None:
    await world.tell("a")
    first = await blocked(world)
    later = [asyncio.create_task(world.outgoing.send()) for _ in range(10)]
    await settle()
    world.gate.error = TransientError("the queue is gone")

    world.gate.open.set()
    outcomes = await asyncio.gather(first, *later, return_exceptions=True)

    assert outcomes == [world.gate.error] * 11
    assert world.gate.sends == 2
    world.gate.error = None
    assert await world.outgoing.send() == 1


async def test_p7_a_cancelled_caller_takes_no_other_with_it(world: World) -> None:
    await world.tell("a")
    first = await blocked(world)
    later = [asyncio.create_task(world.outgoing.send()) for _ in range(2)]
    await settle()

    first.cancel()
    world.gate.open.set()

    assert await asyncio.gather(*later) == [0, 0]
    assert await world.told() == [["a"]]
