import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.events.sink import Delivered, Destination, EventSink, Limits, Outcome, OutgoingEvent
from shared.events.sinks.webhook import Webhooks
from shared.messaging.wake_up import WakeUp
from shared.sql.database import Database, Value, Work
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


async def test_p6_a_dead_subscriber_delays_nobody_else(tmp_path: Path) -> None:
    dead, alive = MemorySink(), MemorySink()
    gate = dead.hold()

    def open_sink(destination: Destination) -> EventSink:
        return dead if "dead" in str(destination.settings["url"]) else alive

    async with opened(tmp_path, open_sink) as world:
        for host in ("dead", "alive"):
            wanted = {"sink": {"type": "webhook", "url": f"https://{host}.example.org"}}
            await world.create(wanted)
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


async def test_p6_what_piled_up_behind_a_slow_answer_makes_room_for_others(tmp_path: Path) -> None:
    clock, quick = FakeClock(), MemorySink()
    gate = quick.hold()
    begun: list[str] = []

    class SlowSink:
        limits = Limits(calls=8)

        async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
            begun.append(events[0].id)
            clock.set(clock.now() + timedelta(seconds=1))
            await gate.wait()
            return [Delivered()]

    database = migrated(tmp_path)
    sinks: dict[str, EventSink] = {"https://slow.test/": SlowSink(), "https://quick.test/": quick}
    world = assemble(database, clock, lambda wanted: sinks[str(wanted.settings["url"])])
    for url in sinks:
        await world.create({"sink": {"type": "webhook", "url": url}, "filter": {"types": ["*"]}})
    gate.set()
    await world.publish(an_event("slow once"))
    await world.deliver_due()
    gate = quick.hold()
    begun.clear()

    await world.publish(*(an_event(f"e{count}") for count in range(8)))
    delivering = [asyncio.create_task(world.deliver_due()) for _ in sinks]
    await settle()

    assert len(begun) < 8
    assert len(quick.attempts) == 9
    gate.set()
    await asyncio.gather(*delivering)
    assert await world.statuses() == ["delivered"] * 18
    await database.close()


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


async def test_a_stretch_ends_after_thirty_seconds_and_wakes_itself(tmp_path: Path) -> None:
    clock = FakeClock()

    class SlowSink:
        limits = Limits(calls=8)

        async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
            clock.set(clock.now() + timedelta(seconds=4))
            return [Delivered()] * len(events)

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
        limits = Limits()

        async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
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

    await world.event_subscriptions.delete(name, caller="key")
    gate.set()
    await delivering

    assert len(sink.attempts) < 300
    assert await world.rows("SELECT * FROM delivery") == []


async def test_an_event_published_during_a_stretch_is_sent_in_it(
    tmp_path: Path, sink: MemorySink
) -> None:
    later = iter([an_event("e2")])

    class PublishingSink:
        limits = Limits()

        async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
            if event := next(later, None):
                await world.publish(event)
            return await sink.send(events)

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
        await world.create(wanted)
        await world.publish(*(an_event(f"e{count}") for count in range(300)))

        await world.deliver_due()

        got = [one.headers["webhook-id"] for one in receiver.deliveries]
        assert sorted(got) == sorted(f"e{count}" for count in range(300))
        await webhooks.close()
