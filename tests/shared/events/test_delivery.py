import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.clock import SystemClock, from_microseconds
from shared.events.retry_schedule import DELAYS
from shared.events.sink import Delivered, Destination, EventSink, NotDelivered, Outcome
from shared.events.sinks.webhook import Webhooks
from shared.messaging.wake_up import WakeUp
from shared.sql.database import Database, GroupWork, Item, Value, Work
from tests.clocks import FakeClock, settle
from tests.contracts.event_sink import BUSY_FOR, Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.receiver import listening
from tests.shared.events.world import GUARD, World, an_event, assemble, migrated, opened


async def test_events_arrive_in_the_order_of_their_numbers_with_their_sequence(
    world: World, sink: MemorySink
) -> None:
    await world.subscribe()
    await world.publish(*(an_event(f"e{count}") for count in range(1, 4)))

    await world.deliver_due()

    assert [name for name, _ in sink.received] == ["e1", "e2", "e3"]
    assert [int(json.loads(body)["sequence"]) for _, body in sink.received] == [1, 2, 3]
    assert await world.statuses() == ["delivered"] * 3


async def test_at_most_eight_are_on_their_way(world: World, sink: MemorySink) -> None:
    await world.subscribe()
    await world.publish(*(an_event(f"e{count}") for count in range(20)))
    gate = sink.hold()

    delivering = asyncio.create_task(world.deliver_due())
    await settle()
    assert len(sink.attempts) == 8
    gate.set()
    await delivering

    assert sink.most_at_once == 8
    assert await world.statuses() == ["delivered"] * 20


async def test_many_chunks_are_one_stretch(world: World, sink: MemorySink) -> None:
    await world.subscribe()
    await world.publish(*(an_event(f"e{count}") for count in range(700)))

    assert await world.deliver_due() == 1

    assert sorted(sink.attempts) == sorted(f"e{count}" for count in range(700))


async def test_after_a_failure_one_at_a_time_until_one_succeeds(
    world: World, sink: MemorySink
) -> None:
    await world.subscribe()
    await world.publish(an_event("bad"))
    sink.script["bad"] = Behaviour.REFUSE
    await world.deliver_due()
    sink.script |= {f"e{count}": Behaviour.REFUSE for count in range(5)}
    await world.publish(*(an_event(f"e{count}") for count in range(5)))

    await world.deliver_due()
    assert sink.most_at_once == 1
    await world.publish(*(an_event(f"good{count}") for count in range(30)))
    await world.deliver_due()

    assert 1 < sink.most_at_once <= 8
    assert len(sink.received) == 30


async def test_a_failure_is_tried_again_by_the_table_then_dead_lettered(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe(types=["tocsin.operation.*"])
    await world.publish(an_event("e1"))
    sink.behave(Behaviour.REFUSE)
    times: list[datetime] = []

    while await world.statuses() != ["deadlettered"]:
        await world.deliver_due()
        times.append(world.clock.now())
        await wait_for_next_attempt(world)

    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert sink.attempts == ["e1"] * 11
    assert sum(gaps, timedelta(0)) >= sum(DELAYS, timedelta(0))
    told = (await world.log.read(since=1, limit=10))[0].event
    assert told.type == "tocsin.delivery.deadlettered"
    assert told.subject == f"/eventsubscriptions/{name}"
    assert told.data == {
        "eventSubscriptionId": name,
        "eventId": "e1",
        "attempts": 11,
        "reason": "HTTP 500",
    }


async def wait_for_next_attempt(world: World) -> None:
    """Move to the next retry: those more than ten minutes off have no wake-up until sweep sends one."""
    if world.wakes.messages:
        await world.until_next_wake_up()
        return
    (due_at,) = (await world.rows("SELECT min(due_at) FROM delivery"))[0]
    if due_at is not None:
        world.clock.set(from_microseconds(due_at))
        assert await world.deliveries.sweep() == 1


async def test_two_dead_sinks_do_not_tell_each_other_for_ever(
    world: World, sink: MemorySink
) -> None:
    await world.subscribe()
    await world.publish(an_event("dead", event_type="tocsin.delivery.deadlettered"))
    sink.behave(Behaviour.REFUSE)

    while await world.statuses() != ["deadlettered"]:
        await world.deliver_due()
        await wait_for_next_attempt(world)

    assert len(await world.log.read(since=0, limit=10)) == 1


async def test_p6_a_dead_subscriber_delays_nobody_else(tmp_path: Path) -> None:
    dead, alive = MemorySink(), MemorySink()
    gate = dead.hold()

    def open_sink(destination: Destination) -> EventSink:
        return dead if "dead" in destination.url else alive

    async with opened(tmp_path, open_sink) as world:
        for host in ("dead", "alive"):
            wanted = {"sink": {"type": "webhook", "url": f"https://{host}.example.org"}}
            await world.event_subscriptions.create(json.dumps(wanted).encode())
        await world.publish(*(an_event(f"e{count}") for count in range(100)))

        handlers = [
            asyncio.create_task(world.deliveries.deliver(WakeUp.decode(message.body)))
            for message in world.wakes.messages
        ]
        await asyncio.wait(handlers, return_when=asyncio.FIRST_COMPLETED)

        assert len(alive.received) == 100
        assert dead.received == []
        gate.set()
        await asyncio.gather(*handlers)


async def test_a_busy_receiver_is_left_alone_until_then(world: World, sink: MemorySink) -> None:
    await world.subscribe()
    sink.behave(Behaviour.BUSY)
    await world.publish(an_event("e1"))
    await world.deliver_due()

    await world.publish(an_event("e2"))
    assert await world.deliver_due() == 0
    assert sink.attempts == ["e1"]
    sink.behave(Behaviour.TAKE)
    world.clock.set(world.clock.now() + BUSY_FOR)
    await world.deliver_due()

    assert sorted(name for name, _ in sink.received) == ["e1", "e2"]


@pytest.mark.parametrize("behaviour", [Behaviour.BUSY, Behaviour.GONE])
async def test_a_receiver_that_wants_no_more_gets_at_most_what_is_on_its_way(
    world: World, sink: MemorySink, behaviour: Behaviour
) -> None:
    await world.subscribe()
    sink.behave(behaviour)
    await world.publish(*(an_event(f"e{count}") for count in range(30)))

    assert await world.deliver_due() == 1

    assert len(sink.attempts) <= 8


async def test_p7_who_lost_the_lease_writes_nothing(world: World, sink: MemorySink) -> None:
    name = await world.subscribe()
    await world.publish(an_event("e1"))
    gate = sink.hold()
    slow = asyncio.create_task(world.deliver_due())
    await settle()
    world.clock.set(world.clock.now() + timedelta(seconds=61))
    await world.deliveries.sweep()
    quick = asyncio.create_task(world.deliver_due())
    await settle()
    assert sink.attempts == ["e1", "e1"]

    sink.behave(Behaviour.REFUSE)
    gate.set()
    await asyncio.gather(slow, quick)

    assert await world.rows("SELECT failures FROM delivery") == [(1,)]
    assert (await world.event_subscriptions.get(name)).failing_since == world.clock.now()


async def test_gone_disables_the_event_subscription_and_says_so(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.GONE)
    await world.publish(an_event("e1"))

    await world.deliver_due()
    await world.publish(an_event("e2"))
    await world.deliver_due()

    shown = await world.event_subscriptions.get(name)
    assert (shown.status, shown.status_reason) == ("disabled", "the receiver answered 410 Gone")
    assert sink.attempts == ["e1"]
    told = [one.event for one in await world.log.read(since=0, limit=10)]
    assert [one.type for one in told if one.subject == f"/eventsubscriptions/{name}"] == [
        "tocsin.eventsubscription.disabled"
    ]


async def test_five_days_of_failures_disable_it(world: World, sink: MemorySink) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    world.clock.set(world.clock.now() + timedelta(days=5))

    await world.publish(an_event("e2"))
    await world.deliver_due()

    assert (await world.event_subscriptions.get(name)).status == "disabled"


async def test_a_stretch_ends_after_thirty_seconds_and_wakes_itself(tmp_path: Path) -> None:
    clock = FakeClock()

    class SlowSink:
        async def send(self, event_id: str, structured: bytes) -> Outcome:
            clock.set(clock.now() + timedelta(seconds=4))
            return Delivered()

    database = migrated(tmp_path)
    world = assemble(database, clock, lambda _: SlowSink())
    await world.subscribe()
    await world.publish(*(an_event(f"e{count}") for count in range(20)))

    first = world.next_wake_up()
    assert first is not None
    await world.deliveries.deliver(first)

    assert (await world.statuses()).count("delivered") == 8
    assert len(world.wakes.messages) == 1
    await world.deliver_due()
    assert await world.statuses() == ["delivered"] * 20
    await database.close()


async def test_a_sink_with_a_bug_is_a_failure_like_any_other(tmp_path: Path) -> None:
    class BrokenSink:
        async def send(self, event_id: str, structured: bytes) -> Outcome:
            raise RuntimeError("bug")

    async with opened(tmp_path, lambda _: BrokenSink()) as world:
        await world.subscribe()
        await world.publish(an_event("e1"))

        await world.deliver_due()

        assert await world.rows("SELECT status, last_error FROM delivery") == [
            ("pending", "internal error")
        ]


@pytest.mark.parametrize("attempt", [-1, 1, 7])
async def test_a_wake_up_for_another_attempt_does_nothing(
    world: World, sink: MemorySink, attempt: int
) -> None:
    name = await world.subscribe()
    await world.publish(an_event("e1"))

    await world.deliveries.deliver(WakeUp(name, attempt))
    await world.deliveries.deliver(WakeUp("unknown", 0))

    assert sink.attempts == []


async def test_a_wake_up_that_comes_too_early_waits(world: World, sink: MemorySink) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    sink.behave(Behaviour.TAKE)

    delivering = asyncio.create_task(world.deliveries.deliver(WakeUp(name, 1)))
    await settle()
    assert len(sink.attempts) == 1
    await world.clock.advance(timedelta(seconds=5))
    await delivering

    assert len(sink.received) == 1


async def test_a_wake_up_that_comes_much_too_early_is_scheduled_again(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    for _ in range(3):
        await world.deliver_due()
        await world.until_next_wake_up()
    world.clock.set(world.clock.now() - timedelta(seconds=90))
    world.wakes.messages.clear()

    await world.deliveries.deliver(WakeUp(name, 3))

    assert len(sink.attempts) == 3
    assert len(world.wakes.messages) == 1


class Interrupted:
    """A database that lets something happen after each transaction."""

    def __init__(self, database: Database, between: Callable[[], Awaitable[object]]) -> None:
        self._database = database
        self._between = between
        self.read = database.read
        self.run_grouped = database.run_grouped
        self.close = database.close

    async def run(self, work: Work[Value]) -> Value:
        value = await self._database.run(work)
        await self._between()
        return value


async def test_an_event_published_while_a_wake_up_is_put_off_is_sent_at_once(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    for _ in range(3):
        await world.deliver_due()
        await world.until_next_wake_up()
    world.clock.set(world.clock.now() - timedelta(seconds=90))
    world.wakes.messages.clear()
    sink.behave(Behaviour.TAKE)
    database = Interrupted(world.database, lambda: world.publish(an_event("e2")))
    other = assemble(database, world.clock, sink.open)

    await other.deliveries.deliver(WakeUp(name, 3))
    await world.deliver_due()

    assert [name for name, _ in sink.received] == ["e2"]


async def test_a_lost_wake_up_is_found_by_sweep(world: World, sink: MemorySink) -> None:
    await world.subscribe()
    await world.publish(an_event("e1"))
    world.wakes.messages.clear()
    world.clock.set(world.clock.now() + timedelta(seconds=61))

    assert await world.deliveries.sweep() == 1
    await world.deliver_due()

    assert sink.attempts == ["e1"]


async def test_what_was_committed_and_not_published_is_found_by_sweep(
    world: World, sink: MemorySink
) -> None:
    await world.subscribe()
    await world.insert(an_event("e1"))

    await world.deliveries.sweep()
    await world.deliver_due()

    assert sink.attempts == ["e1"]


async def test_deleting_while_delivering_ends_it_quietly(world: World, sink: MemorySink) -> None:
    name = await world.subscribe()
    await world.publish(*(an_event(f"e{count}") for count in range(300)))
    gate = sink.hold()
    delivering = asyncio.create_task(world.deliver_due())
    await settle()

    await world.event_subscriptions.delete(name)
    gate.set()
    await delivering

    assert len(sink.attempts) < 300
    assert await world.rows("SELECT * FROM delivery") == []


async def test_an_event_published_during_a_stretch_is_sent_in_it(
    tmp_path: Path, sink: MemorySink
) -> None:
    later = iter([an_event("e2")])

    class PublishingSink:
        async def send(self, event_id: str, structured: bytes) -> Outcome:
            if event := next(later, None):
                await world.publish(event)
            return await sink.send(event_id, structured)

    async with opened(tmp_path, lambda _: PublishingSink()) as world:
        await world.subscribe()
        await world.publish(an_event("e1"))

        assert await world.deliver_due() == 1

        assert sink.attempts == ["e1", "e2"]
        assert not world.wakes.messages


async def test_p6_a_real_webhook_gets_every_event_once_while_it_works(tmp_path: Path) -> None:
    webhooks = Webhooks(GUARD, SystemClock(), timeout=timedelta(seconds=15))
    async with listening() as receiver, opened(tmp_path, webhooks.open) as world:
        wanted = {"sink": {"type": "webhook", "url": receiver.url}}
        await world.event_subscriptions.create(json.dumps(wanted).encode())
        await world.publish(*(an_event(f"e{count}") for count in range(300)))

        await world.deliver_due()

        got = [one.headers["webhook-id"] for one in receiver.deliveries]
        assert sorted(got) == sorted(f"e{count}" for count in range(300))
        await webhooks.close()


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

    async def read(self, query: Callable[[Connection], Value]) -> Value:
        self._passage()
        return await self._database.read(query)

    async def close(self) -> None:
        await self._database.close()


class CrashingSink:
    """A sink of a process that dies before or after its request arrived; every third event fails once."""

    def __init__(self, inner: MemorySink, passage: Callable[[], None]) -> None:
        self._inner = inner
        self._passage = passage

    async def send(self, event_id: str, structured: bytes) -> Outcome:
        self._passage()
        if event_id in {"e2", "e5"} and event_id not in self._inner.attempts:
            self._inner.attempts.append(event_id)
            return NotDelivered("HTTP 500")
        outcome = await self._inner.send(event_id, structured)
        self._passage()
        return outcome


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
