"""The seeds are fixed, so each run meets the same unkindness."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableSequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import azure.functions as func
import pytest

from shared.errors import MessageLockLostError, SessionLockLostError, TransientError
from shared.host.strict import LONGEST_HOLD, StrictBroker
from shared.messaging.broker import Receiver, SessionReceiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import QueueDescription
from shared.messaging.message import Message, ReceivedMessage
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import FakeClock, settle
from tests.contracts.broker import BrokerContract
from tests.contracts.broker_steps import QUEUES, TOPICS, text
from tests.shared.host.hosting import CONNECTION, running

NUMBERS = [f"{number}" for number in range(300)]
LONG_QUEUE = QueueDescription(name="long", max_delivery_count=100)
TURNS = QueueDescription(name="turns", max_delivery_count=100, requires_session=True)
NO_WAIT = timedelta(0)


class Calm(Random):
    """Chance that never strikes, and shuffles nothing."""

    def random(self) -> float:
        return 0.99

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Leave `x` as it is."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def inner(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EmbeddedBroker]:
    path = tmp_path / "broker.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(path)
    yield EmbeddedBroker(database, clock=clock, queues=(*QUEUES, LONG_QUEUE, TURNS), topics=TOPICS)
    await database.close()


class TestWithoutChance(BrokerContract):
    """Whatever chance does not do is what any broker does."""

    @pytest.fixture
    async def broker(self, inner: EmbeddedBroker) -> AsyncIterator[StrictBroker]:
        broker = StrictBroker(inner, random=Calm())
        yield broker
        await broker.close()


@pytest.fixture
async def broker(inner: EmbeddedBroker) -> AsyncIterator[StrictBroker]:
    broker = StrictBroker(inner, random=Random(1))
    await broker.send("long", [text(number) for number in NUMBERS])
    yield broker
    await broker.close()


class Consumer:
    """Takes what there is and completes it, whatever it meets."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.delivered: list[str] = []
        self.completed: list[str] = []
        self.lost: list[str] = []
        self.detached = 0

    async def drain(self) -> None:
        """Receive until there is nothing, one detached link after another included."""
        while received := await self._receive():
            for message in received:
                await self._complete(message)

    async def _receive(self) -> list[ReceivedMessage]:
        while True:
            try:
                return await self._receiver.receive(max_messages=3, max_wait=NO_WAIT)
            except TransientError:
                self.detached += 1

    async def _complete(self, message: ReceivedMessage) -> None:
        name = message.message.body.decode()
        self.delivered.append(name)
        try:
            await self._receiver.complete(message)
            self.completed.append(name)
        except MessageLockLostError:
            self.lost.append(name)


async def test_every_message_is_completed_once_and_some_are_delivered_again(
    broker: StrictBroker,
) -> None:
    consumer = Consumer(broker.receiver("long"))

    await consumer.drain()

    assert sorted(consumer.completed) == sorted(NUMBERS)
    assert len(consumer.lost) >= 3
    assert Counter(consumer.delivered) == Counter(NUMBERS) + Counter(consumer.lost)
    assert consumer.detached >= 1


async def test_messages_in_flight_are_delivered_in_any_order(broker: StrictBroker) -> None:
    consumer = Consumer(broker.receiver("long"))

    await consumer.drain()

    distances = [abs(place - int(name)) for place, name in enumerate(consumer.delivered[:50])]
    assert max(distances) >= 3
    assert sum(distance == 0 for distance in distances) < 40


async def test_a_message_that_comes_alone_waits_no_longer_than_a_moment(
    broker: StrictBroker, clock: FakeClock
) -> None:
    receiver = broker.receiver("other")
    was_held_back = False
    for number in range(20):
        await broker.send("other", [text(f"{number}")])
        waiting = asyncio.create_task(receiver.receive(max_messages=1, max_wait=None))
        await settle()
        was_held_back |= not waiting.done()
        await clock.advance(LONGEST_HOLD)

        (message,) = await waiting
        assert message.message.body == f"{number}".encode()
        await receiver.complete(message)
    assert was_held_back


async def test_renewing_settling_and_moving_a_message_can_all_find_the_lock_lost(
    broker: StrictBroker,
) -> None:
    receiver = broker.receiver("long")

    uses: tuple[Callable[[ReceivedMessage], Awaitable[object]], ...] = (
        receiver.renew_lock,
        receiver.abandon,
        receiver.defer,
        partial(receiver.dead_letter, reason="Bad", description=""),
    )
    lost: Counter[int] = Counter()
    for number in range(400):
        try:
            (message,) = await receiver.receive(max_messages=1, max_wait=NO_WAIT)
            await uses[number % 4](message)
        except MessageLockLostError:
            lost[number % 4] += 1
        except TransientError:
            continue
    assert set(lost) == {0, 1, 2, 3}


async def test_a_session_keeps_its_order_however_often_its_lock_is_lost(
    broker: StrictBroker,
) -> None:
    names = [f"{number}" for number in range(200)]
    messages = [Message(body=name.encode(), session_id="s") for name in names]
    await broker.send("turns", messages)
    completed: list[str] = []
    locks = 0
    while len(completed) < len(names):
        session = await attached(broker)
        locks += 1
        with suppress(SessionLockLostError):
            while True:
                for message in await session.receive(max_messages=3, max_wait=NO_WAIT):
                    await session.complete(message)
                    completed.append(message.message.body.decode())
                if len(completed) == len(names):
                    break

    assert completed == names
    assert locks >= 3


async def attached(broker: StrictBroker) -> SessionReceiver:
    """Accept a session, however often the link is detached."""
    while True:
        with suppress(TransientError):
            return await broker.accept_session("turns", max_wait=NO_WAIT)


async def test_a_link_for_a_session_is_detached_now_and_then(broker: StrictBroker) -> None:
    with pytest.raises(TransientError, match="detached"):
        await accept_for_ever(broker)


async def test_a_session_that_is_lost_stays_so_and_is_free_for_others(
    broker: StrictBroker,
) -> None:
    await broker.send("turns", [Message(body=b"1", session_id="s")])
    session = await broker.accept_session("turns", session_id="s", max_wait=NO_WAIT)
    with pytest.raises(SessionLockLostError):
        await renew_for_ever(session)

    for use in (session.get_state, session.renew_session_lock, partial(session.set_state, b"")):
        with pytest.raises(SessionLockLostError):
            await use()
    other = await broker.accept_session("turns", session_id="s", max_wait=NO_WAIT)
    assert other.session_id == "s"


async def accept_for_ever(broker: StrictBroker) -> None:
    while True:
        await (await broker.accept_session("turns", session_id="s", max_wait=NO_WAIT)).close()


async def renew_for_ever(session: SessionReceiver) -> None:
    while True:
        await session.renew_session_lock()


async def test_a_message_that_is_held_back_at_the_end_is_available_to_others(
    broker: StrictBroker, inner: EmbeddedBroker
) -> None:
    receivers = [broker.receiver("long") for _ in range(10)]
    for receiver in receivers:
        for message in await receiver.receive(max_messages=3, max_wait=NO_WAIT):
            with suppress(MessageLockLostError):
                await receiver.complete(message)

    for receiver in receivers:
        await receiver.close()

    left = await inner.peek("long", max_messages=300)
    available = await inner.receiver("long").receive(max_messages=300, max_wait=NO_WAIT)
    assert len(available) == len(left)


async def test_p7_a_host_under_it_runs_a_function_for_every_message(
    broker: StrictBroker, inner: EmbeddedBroker, clock: FakeClock
) -> None:
    app, seen = func.FunctionApp(), Counter[str]()

    @app.service_bus_queue_trigger(
        arg_name="message", queue_name="long", connection=CONNECTION, data_type="binary"
    )
    async def handle(message: func.ServiceBusMessage) -> None:
        await clock.sleep(timedelta(milliseconds=10))
        seen[message.get_body().decode()] += 1

    async with running(app, broker=broker, clock=clock):
        while await inner.peek("long"):
            await clock.advance(timedelta(seconds=1))

    assert set(seen) == set(NUMBERS)
    assert max(seen.values()) > 1
    assert await inner.peek("long/$DeadLetterQueue") == []
