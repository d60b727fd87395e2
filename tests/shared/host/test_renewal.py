import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.host.renewal import Renewals
from shared.messaging.broker import Receiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.message import Message, ReceivedMessage
from tests.clocks import FakeClock, settle


@pytest.fixture
def receiver(broker: EmbeddedBroker) -> Receiver:
    return broker.receiver("work")


@pytest.fixture
async def renewals(receiver: Receiver, clock: FakeClock) -> AsyncIterator[Renewals]:
    renewals = Renewals(receiver, clock=clock, longest=timedelta(minutes=5), source="work")
    task = asyncio.create_task(renewals.run())
    yield renewals
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def locked(
    broker: EmbeddedBroker, receiver: Receiver, number: int = 1
) -> list[ReceivedMessage]:
    await broker.send("work", [Message(body=b"") for _ in range(number)])
    return await receiver.receive(max_messages=number, max_wait=timedelta(0))


async def test_every_lock_outlives_its_duration(
    broker: EmbeddedBroker, receiver: Receiver, renewals: Renewals, clock: FakeClock
) -> None:
    first = await locked(broker, receiver, 3)
    for message in first:
        renewals.add(message)
    await clock.advance(timedelta(seconds=20))
    (later,) = await locked(broker, receiver)
    renewals.add(later)

    for _ in range(10):
        await clock.advance(timedelta(seconds=20))

    for message in (*first, later):
        await receiver.complete(message)


async def test_discarded_lock_runs_out(
    broker: EmbeddedBroker, receiver: Receiver, renewals: Renewals, clock: FakeClock
) -> None:
    (message,) = await locked(broker, receiver)
    renewals.add(message)

    assert renewals.discard(message)
    assert not renewals.discard(message)
    await clock.advance(timedelta(seconds=61))

    assert len(await receiver.receive(max_messages=1, max_wait=timedelta(0))) == 1


async def test_a_lock_that_is_renewed_no_more_does_not_hold_up_others(
    broker: EmbeddedBroker, receiver: Receiver, renewals: Renewals, clock: FakeClock
) -> None:
    (old,) = await locked(broker, receiver)
    renewals.add(old)
    for _ in range(11):
        await clock.advance(timedelta(seconds=30))
    await broker.send("work", [Message(body=b"")])
    _, fresh = await receiver.receive(max_messages=2, max_wait=timedelta(0))
    renewals.add(fresh)

    for _ in range(4):
        await clock.advance(timedelta(seconds=30))

    await receiver.complete(fresh)


async def test_lost_lock_is_logged_once_and_given_up(
    broker: EmbeddedBroker,
    receiver: Receiver,
    renewals: Renewals,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (message,) = await locked(broker, receiver)
    renewals.add(message)
    await receiver.complete(message)

    for _ in range(4):
        await clock.advance(timedelta(seconds=30))
    await settle()

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert not renewals.discard(message)
