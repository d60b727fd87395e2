import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.clock import SystemClock
from shared.errors import (
    ConflictError,
    MessageLockLostError,
    TransientError,
)
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.message import Message
from shared.sql.database import Database, Transaction
from shared.sql.inline import InlineDatabase
from shared.sql.sqlite import SqliteDatabase
from tests.clocks import FakeClock, settle
from tests.contracts.broker import BrokerContract
from tests.contracts.broker_steps import (
    ALL,
    LOCK,
    OTHER,
    QUEUE,
    QUEUES,
    SOME,
    TOPIC,
    TOPICS,
    nothing,
    one,
    soon,
    text,
)
from tests.shared.messaging.embedded import worker
from tests.shared.sql.sqlite_contract import limit_pages


@pytest.fixture
async def broker(database: Database, clock: FakeClock) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(database, clock=clock, queues=QUEUES, topics=TOPICS)
    yield broker
    await broker.close()


class EmbeddedContract(BrokerContract):
    async def test_cancelled_receive_takes_no_message_with_it(self, broker: EmbeddedBroker) -> None:
        waiting = asyncio.ensure_future(one(broker.receiver(QUEUE)))
        assert await nothing(broker.receiver(QUEUE))

        sending = asyncio.ensure_future(broker.send(QUEUE, [text("a")]))
        await settle(1)
        waiting.cancel()
        await soon(sending)

        message = await one(broker.receiver(QUEUE))
        assert (message.message.body, message.delivery_count) == (b"a", 1)

    async def test_receive_cancelled_at_any_moment_takes_no_message_with_it(
        self, broker: EmbeddedBroker
    ) -> None:
        receiver = broker.receiver(QUEUE)
        for turns in range(12):
            await broker.send(QUEUE, [text(str(turns))])
            waiting = asyncio.ensure_future(one(receiver))
            await settle(turns)
            waiting.cancel()
            await asyncio.wait([waiting])

            message = waiting.result() if not waiting.cancelled() else await one(receiver)

            assert (message.message.body, message.delivery_count) == (str(turns).encode(), 1)
            await receiver.complete(message)


class TestInline(EmbeddedContract):
    """On the database of `conftest`."""


class TestWithThreads(EmbeddedContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = SqliteDatabase(path, clock=SystemClock())
        yield database
        await database.close()


async def test_message_sent_in_a_transaction_comes_after_its_commit(
    database: Database, broker: EmbeddedBroker
) -> None:
    waiting = asyncio.ensure_future(one(broker.receiver(QUEUE)))
    await settle()

    await database.run(lambda tx: broker.send_in(tx, QUEUE, [text("a")]))

    assert (await soon(waiting)).message.body == b"a"


async def test_message_sent_in_a_transaction_that_fails_was_never_sent(
    database: Database, broker: EmbeddedBroker
) -> None:
    waiting = asyncio.ensure_future(one(broker.receiver(QUEUE)))
    await settle()

    def fail(tx: Transaction) -> None:
        broker.send_in(tx, QUEUE, [text("a")])
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        await database.run(fail)

    await broker.send(QUEUE, [text("b")])
    assert (await soon(waiting)).message.body == b"b"


async def test_p7_locks_of_a_dead_process_are_freed_by_the_next(
    database: Database, clock: FakeClock, broker: EmbeddedBroker
) -> None:
    due = clock.now() + timedelta(seconds=1)
    await broker.send(QUEUE, [text("a"), Message(body=b"later", scheduled_enqueue_time=due)])
    await broker.send(OTHER, [text("last delivery")])
    lost = await one(broker.receiver(QUEUE))
    await one(broker.receiver(OTHER))

    successor = EmbeddedBroker(database, clock=clock, queues=QUEUES)
    assert await database.run(successor.free_locks) == 2

    again = await one(successor.receiver(QUEUE))
    assert (again.message.body, again.delivery_count) == (b"a", 2)
    with pytest.raises(MessageLockLostError):
        await successor.receiver(QUEUE).complete(lost)
    letter = await one(successor.receiver(f"{OTHER}/$DeadLetterQueue"))
    assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"
    await successor.close()


async def test_p7_successor_goes_on_with_what_was_scheduled_and_locked(
    database: Database, clock: FakeClock, broker: EmbeddedBroker
) -> None:
    due = clock.now() + timedelta(minutes=1)
    await broker.send(QUEUE, [text("locked"), Message(body=b"later", scheduled_enqueue_time=due)])
    await one(broker.receiver(QUEUE))
    await broker.close()

    successor = EmbeddedBroker(database, clock=clock, queues=QUEUES)
    receiver = successor.receiver(QUEUE)
    waiting = asyncio.ensure_future(one(receiver))
    await settle()
    await clock.advance(LOCK)
    await receiver.complete(locked := await soon(waiting))
    waiting = asyncio.ensure_future(one(receiver))
    await clock.advance(timedelta(minutes=1))

    assert locked.message.body == b"locked"
    assert (await soon(waiting)).message.body == b"later"
    await successor.close()


async def test_many_due_at_once_all_come(
    database: Database, clock: FakeClock, broker: EmbeddedBroker
) -> None:
    due = clock.now() + timedelta(minutes=1)
    later = [Message(body=b"a", scheduled_enqueue_time=due)] * 1200
    await broker.send(QUEUE, later)
    receiver = broker.receiver(QUEUE)

    await clock.advance(timedelta(minutes=1))

    seen = 0
    while messages := await receiver.receive(max_messages=1000, max_wait=timedelta(0)):
        seen += len(messages)
    assert seen == 1200


async def test_full_disk_reaches_receivers_and_later_they_go_on(
    database: Database, broker: EmbeddedBroker, clock: FakeClock
) -> None:
    await database.run(lambda tx: limit_pages(tx, 20))
    with pytest.raises(TransientError, match="cannot be used at present"):
        await broker.send(QUEUE, [Message(body=bytes(200_000))])

    await database.run(lambda tx: limit_pages(tx, 1_000_000))
    await broker.send(QUEUE, [text("a")])

    assert (await one(broker.receiver(QUEUE))).message.body == b"a"


async def test_lock_that_ended_settles_nothing_even_when_the_timer_is_late(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    receiver = broker.receiver(QUEUE)
    await broker.send(QUEUE, [text("a")])
    message = await one(receiver)

    clock.set(clock.now() + LOCK)

    with pytest.raises(MessageLockLostError):
        await receiver.complete(message)


async def test_p12_nothing_is_left_of_what_was_completed_or_cancelled(
    database: Database, broker: EmbeddedBroker, clock: FakeClock
) -> None:
    due = clock.now() + LOCK
    await broker.send(TOPIC, [text("a"), Message(body=b"later", scheduled_enqueue_time=due)])
    scheduled = Message(body=b"never", scheduled_enqueue_time=due)
    await broker.cancel_scheduled(QUEUE, await broker.schedule(QUEUE, [scheduled]))
    await clock.advance(LOCK)

    for entity in (SOME, ALL):
        receiver = broker.receiver(entity)
        for message in await receiver.receive(max_messages=9, max_wait=None):
            await receiver.complete(message)

    def left(connection: Connection) -> list[int]:
        counts = (f"SELECT count(*) FROM {table}" for table in ("message", "message_body"))
        return [connection.exec_driver_sql(count).scalar_one() for count in counts]

    assert await database.read(left) == [0, 0]


async def test_failing_database_reaches_who_receives_and_the_next_call_looks_again(
    database: Database, broker: EmbeddedBroker
) -> None:
    await broker.send(QUEUE, [text("a")])
    await database.run(lambda tx: tx.driver.execute("ALTER TABLE message RENAME TO gone") and None)
    receiver = broker.receiver(QUEUE)

    with pytest.raises(sqlite3.OperationalError):
        await one(receiver)
    await database.run(lambda tx: tx.driver.execute("ALTER TABLE gone RENAME TO message") and None)

    assert (await one(receiver)).message.body == b"a"


def run_until_killed(path: Path, first: int, after: int) -> list[str]:
    """Kill the worker once it has said `after` lines, and return all it said."""
    root = Path(__file__).parents[4]
    process = subprocess.Popen(
        [sys.executable, "-m", worker.__name__, str(path), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    said.extend(process.stdout.readlines())
    process.wait()
    process.stdout.close()
    return [line.strip() for line in said if line.endswith("\n")]


async def test_p7_killed_process_loses_nothing_sent_and_brings_back_nothing_completed(
    path: Path,
) -> None:
    said: list[str] = []
    for turn, after in enumerate((7, 150, 333, 512, 40)):
        said += run_until_killed(path, (turn + 1) * 1_000_000, after)
    sent, taking, done = (
        {line.split()[1] for line in said if line.startswith(word)}
        for word in ("sent", "taking", "done")
    )

    database = InlineDatabase(path)
    broker = EmbeddedBroker(database, clock=FakeClock(), queues=worker.QUEUES)
    await database.run(broker.free_locks)
    left = set()
    receiver = broker.receiver("work")
    while messages := await receiver.receive(max_messages=1000, max_wait=timedelta(0)):
        left |= {message.message.body.decode() for message in messages}
    await broker.close()
    await database.close()

    assert len(sent) > 100
    assert len(done) > 100
    assert not done & left
    assert sent - taking <= left
