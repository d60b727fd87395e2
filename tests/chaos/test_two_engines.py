"""Two engines on one store, each in a thread with an event loop and a connection of its own, as two processes have."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from threading import Barrier

import pytest

from shared.clock import MICROSECOND, SystemClock, to_microseconds
from shared.errors import TransientError
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import EXECUTIONS, TOCSIN_QUEUES
from shared.messaging.message import Message, ReceivedMessage
from shared.messaging.wake_up import WakeUp
from shared.sql.database import Transaction
from shared.sql.sqlite import SqliteDatabase
from shared.wire.json_types import JsonObject
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import FAILED, OK, EngineStack, build_stack, migrated
from tests.shared.scheduler.running import MINUTE, SECOND, action, rows

JOBS = 60
MINUTES = 5
DOWN = {4: "a", 8: "b"}
"""Who is not there in which step; so each of them claims something in every run."""


class RemoteBroker(EmbeddedBroker):
    """A broker with a file of its own: what goes with a commit of the store is sent after it, or lost."""

    sends_with_commit = False

    def __init__(self, database: SqliteDatabase, *, clock: FakeClock, random: Random) -> None:
        super().__init__(database, clock=clock, queues=TOCSIN_QUEUES)
        self._random = random
        self._unsent: list[tuple[str, Sequence[Message]]] = []

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        transaction.on_commit(lambda: self._unsent.append((entity, messages)))

    async def send_rest(self) -> None:
        """Send what was committed, but for a tenth: as if the process had died in between."""
        unsent, self._unsent = self._unsent, []
        for entity, messages in unsent:
            kept = [message for message in messages if self._random.random() > 0.1]
            if kept:
                await self.send(entity, kept)


@dataclass
class Process:
    """What one process knows; the store is shared, the broker's file is its own."""

    name: str
    store: Path
    broker: Path
    clock: FakeClock
    random: Random
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    started: list[tuple[str, timedelta]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    async def live(self, barrier: Barrier) -> None:
        """Claim and run whatever is due, then end."""
        own = SqliteDatabase(self.broker, clock=SystemClock())
        shared = SqliteDatabase(self.store, clock=SystemClock())
        broker = RemoteBroker(own, clock=self.clock, random=self.random)
        engine = build_stack(
            shared, self.clock, broker=broker, new_id=lambda: f"{self.name}{next(self.numbers)}"
        )
        barrier.wait()
        await self.persist(engine.ticker.tick)
        await self.persist(lambda: engine.sweep.run_once(self.clock.now()))
        await self.work(engine, broker)
        for attempt in engine.action.attempts:
            self.started.append((attempt.execution_id, self.clock.now() - attempt.expected_time))
        self.told += [event.id for event in await engine.told()]
        await broker.close()
        await shared.close()
        await own.close()

    async def work(self, engine: EngineStack, broker: RemoteBroker) -> None:
        await broker.send_rest()
        receiver = broker.receiver(EXECUTIONS)
        while messages := await receiver.receive(max_messages=10, max_wait=timedelta(0)):
            engine.action.outcomes += self.random.choices([OK, FAILED], k=len(messages))
            await asyncio.gather(*(self.run(engine, message) for message in messages))
            for message in messages:
                await receiver.complete(message)
            await broker.send_rest()

    async def run(self, engine: EngineStack, message: ReceivedMessage) -> None:
        await self.persist(lambda: engine.executions.run(WakeUp.decode(message.message.body)))

    async def persist(self, step: Callable[[], Awaitable[object]]) -> None:
        """Try again while the other process writes, as loops and hosts do."""
        while True:
            try:
                await step()
            except TransientError:
                continue
            return


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def prepare(path: Path, clock: FakeClock) -> None:
    async def put() -> None:
        database = SqliteDatabase(path, clock=SystemClock())
        engine = build_stack(database, clock)
        await engine.prepare()
        for number in range(JOBS):
            start = START + MINUTE + number % 7 * SECOND
            members: JsonObject = {"frequency": "minute", "interval": 1}
            if number % 3 == 0:
                members["count"] = 2
            await engine.put(
                f"J{number}",
                startTime=start.isoformat(),
                recurrence=members,
                action=action(retries=1, every="00:00:15"),
            )
        await engine.broker.close()
        await database.close()

    asyncio.run(put())


def test_p5_of_two_engines_on_one_store_one_claims_each_occurrence_and_one_ends_it(
    tmp_path: Path, clock: FakeClock
) -> None:
    path = migrated(tmp_path)
    prepare(path, clock)
    processes = []
    for name in "ab":
        (tmp_path / name).mkdir()
        processes.append(Process(name, path, migrated(tmp_path / name), clock, Random(f"{name}0")))

    with ThreadPoolExecutor(2) as threads:
        for step in range(MINUTES * 4):
            clock.set(clock.now() + 15 * SECOND)
            alive = [one for one in processes if DOWN.get(step) != one.name]
            barrier = Barrier(len(alive))
            for future in [threads.submit(asyncio.run, one.live(barrier)) for one in alive]:
                future.result()

    asyncio.run(check(path, clock, processes))


async def check(path: Path, clock: FakeClock, processes: Sequence[Process]) -> None:
    database = SqliteDatabase(path, clock=SystemClock())
    engine = build_stack(database, clock)
    attempts = [attempt for process in processes for attempt in process.started]
    assert all(process.started for process in processes)
    assert all(lateness >= timedelta(0) for _, lateness in attempts)

    # Nobody died, so each attempt was made once and left its record.
    recorded = await rows(engine, "SELECT id, recorded FROM execution WHERE recorded > 0")
    assert Counter(id for id, _ in attempts) == dict(recorded)
    assert await rows(engine, "SELECT count(*) FROM history") == [(len(attempts),)]
    assert await rows(engine, "SELECT sum(executions) FROM job_timing") == [(len(attempts),)]
    ended = await rows(engine, "SELECT id FROM execution WHERE state IN ('succeeded', 'failed')")
    told = [id for process in processes for id in process.told]
    # Both may hand the same over, under the same id.
    assert {id for id in told if id.endswith("/end")} == {f"{id}/end" for (id,) in ended}

    await check_occurrences(engine)
    await engine.broker.close()
    await database.close()


async def check_occurrences(engine: EngineStack) -> None:
    """Each minute of each job was claimed, or missed as part of one range, until its count was used."""
    first, minute = to_microseconds(START + MINUTE), MINUTE // MICROSECOND
    for number in range(JOBS):
        this = f"WHERE job_id = {number + 1}"
        claimed = await rows(engine, f"SELECT occurrence, state FROM execution {this}")
        ranges = await rows(engine, f"SELECT first, last FROM skipped {this} AND reason = 'missed'")
        found = [occurrence for occurrence, _ in claimed]
        for start, end in ranges:
            found += range(start, end + 1, minute)
        anchor = first + number % 7 * (SECOND // MICROSECOND)
        assert sorted(found) == [anchor + place * minute for place in range(len(found))]
        unended = [state for _, state in claimed if state in ("claimed", "running", "waiting")]
        ((outstanding, count),) = await rows(
            engine, f"SELECT outstanding, count FROM job_timing {this}"
        )
        assert outstanding == len(unended)
        ran = [state for _, state in claimed if state != "skipped"]
        assert len(ran) <= (count or MINUTES)
        assert len(found) >= (count or MINUTES - 1)
