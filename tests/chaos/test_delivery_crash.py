"""Deliveries, killed at every point that they wait at."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from shared.events.queries import RangeQuery
from shared.events.sink import NotDelivered, Outcome, OutgoingEvent
from shared.sql.database import Database, GroupWork, Item, Value, Work
from tests.clocks import START, FakeClock
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import an_event, assemble, migrated


class CrashError(BaseException):
    """The process dies here."""


class Countdown:
    """Raises at the chosen passage, and at every later one: a dead process does nothing more."""

    def __init__(self, passages: int) -> None:
        self.left = passages

    def __call__(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise CrashError


class CrashingDatabase:
    """A database that dies before or after a commit."""

    def __init__(self, database: Database, passage: Callable[[], None]) -> None:
        self._database = database
        self._passage = passage

    async def run(self, work: Work[Value]) -> Value:
        self._passage()
        value = await self._database.run(work)
        self._passage()
        return value

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        self._passage()
        value = await self._database.run_grouped(work, item)
        self._passage()
        return value

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        self._passage()
        return await self._database.read(query, is_short=is_short)

    async def close(self) -> None:
        await self._database.close()


class CrashingSink:
    """A sink of a process that dies before or after its request arrived; every third event fails once."""

    def __init__(self, inner: MemorySink, passage: Callable[[], None]) -> None:
        self._inner = inner
        self._passage = passage
        self.limits = inner.limits

    async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
        (event,) = events
        self._passage()
        if event.id in {"e2", "e5"} and event.id not in self._inner.attempts:
            self._inner.attempts.append(event.id)
            return [NotDelivered("HTTP 500")]
        outcomes = await self._inner.send(events)
        self._passage()
        return outcomes


NAMES = [f"e{count}" for count in range(7)]


async def test_p6_p7_a_crash_at_any_await_loses_no_event(tmp_path: Path) -> None:
    for passages in itertools.count(1):
        folder = tmp_path / str(passages)
        folder.mkdir()
        sink = MemorySink()
        crashed = await live_until_crash(folder, sink, passages)
        await live_again(folder, sink)

        committed = await check(folder, sink)
        if not crashed:
            assert committed == NAMES
            assert passages > 30
            return


async def live_until_crash(folder: Path, sink: MemorySink, passages: int) -> bool:
    """Insert, publish and deliver in a process that dies at that passage; false when it never came to it."""
    database = migrated(folder)
    await assemble(database, FakeClock(), sink.open).subscribe()
    passage = Countdown(passages)
    world = assemble(
        CrashingDatabase(database, passage),
        FakeClock(),
        lambda _: CrashingSink(sink, passage),
    )
    try:
        for name in NAMES:
            await world.publish(an_event(name))
        await world.deliver_due()
        await world.until_next_wake_up()
        await world.deliver_due()
    except* CrashError:
        return_value = True
    else:
        return_value = False
    finally:
        await database.close()
    return return_value


async def live_again(folder: Path, sink: MemorySink) -> None:
    """Start on the same file a minute later, with no wake-up left of the dead process."""
    database = migrated(folder)
    clock = FakeClock()
    clock.set(clock.now() + timedelta(minutes=1))
    world = assemble(database, clock, sink.open)
    await database.run(lambda tx: world.store.free_leases(tx, now=clock.now()))
    for _ in range(3):
        await world.deliveries.sweep()
        await world.deliver_due()
        clock.set(clock.now() + timedelta(minutes=2))
    await database.close()


async def check(folder: Path, sink: MemorySink) -> Sequence[str]:
    """Every committed event is numbered, delivered under its id, and the same each time; returns their ids."""
    database = migrated(folder)
    world = assemble(database, FakeClock(), sink.open)
    log = await world.log.read(since=0, limit=100)
    committed = [one.event.id for one in log]
    assert [one.number for one in log] == list(range(1, len(committed) + 1))
    assert committed == NAMES[: len(committed)]
    assert await world.rows("SELECT count(*) FROM event WHERE number IS NULL") == [(0,)]
    assert await world.statuses() == ["delivered"] * len(committed)
    bodies = {one.event.id: one.structured for one in log}
    assert {name for name, _ in sink.received} == set(committed)
    assert all(bodies[name] == body for name, body in sink.received)
    await database.close()
    return committed


async def test_p6_p7_a_crash_at_any_await_of_a_replay_loses_no_event_of_it(tmp_path: Path) -> None:
    for passages in itertools.count(1):
        folder = tmp_path / str(passages)
        folder.mkdir()
        sink = MemorySink()
        accepted, crashed = await replay_until_crash(folder, sink, passages)
        before = Counter(sink.attempts)
        await live_again(folder, sink)

        await check(folder, sink)
        assert before.keys() == set(NAMES)
        if accepted:
            assert min(Counter(sink.attempts).values()) >= 2
        if not crashed:
            assert passages > 20
            return


async def replay_until_crash(folder: Path, sink: MemorySink, passages: int) -> tuple[bool, bool]:
    """Replay what was delivered in a process that dies at that passage; returns whether the replay was accepted, and
    whether the process died."""
    database = migrated(folder)
    world = assemble(database, FakeClock(), sink.open)
    name = await world.subscribe()
    await world.publish(*(an_event(name) for name in NAMES))
    await world.deliver_due()
    passage = Countdown(passages)
    world = assemble(
        CrashingDatabase(database, passage), FakeClock(), lambda _: CrashingSink(sink, passage)
    )
    everything = RangeQuery(since=START, until=START + timedelta(hours=1))
    accepted = crashed = False
    try:
        await world.redelivery.replay(name, everything, caller="key")
        accepted = True
        await world.deliver_due()
    except* CrashError:
        crashed = True
    finally:
        await database.close()
    return accepted, crashed
