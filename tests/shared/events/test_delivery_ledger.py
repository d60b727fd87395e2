"""What follows from outcomes: another attempt, a dead letter, an event subscription that is disabled."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

from shared.clock import from_microseconds
from shared.events.delivery_ledger import Ledger
from shared.events.delivery_store import Stretch
from shared.events.handshake import Permission
from shared.events.retry_schedule import DELAYS
from shared.events.sink import Limits, NotDelivered
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import SOURCE, World, an_event, assemble


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


async def test_p6_what_no_retry_can_help_is_dead_lettered_at_once_and_no_fault_of_the_sink(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe(types=["tocsin.operation.*"])
    sink.outcomes["e1"] = NotDelivered("too large", is_permanent=True)
    await world.publish(an_event("e1"), an_event("e2"))

    await world.deliver_due()

    assert await world.statuses() == ["deadlettered", "delivered"]
    assert (await world.event_subscriptions.get(name)).failing_since is None
    told = (await world.log.read(since=2, limit=10))[0].event
    assert told.type == "tocsin.delivery.deadlettered"
    assert (told.data["attempts"], told.data["reason"]) == (1, "too large")


async def test_p6_every_dead_letter_is_told_those_of_redriven_events_too(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe(types=["tocsin.operation.*"])
    sink.outcomes["e1"] = NotDelivered("too large", is_permanent=True)
    await world.publish(an_event("e1"))
    await world.deliver_due()

    for _ in range(2):
        await world.redelivery.redrive(name, b"", caller="key")
        await world.deliver_due()

    told = [one.event for one in await world.log.read(since=1, limit=10)]
    dead = [one for one in told if one.type == "tocsin.delivery.deadlettered"]
    assert len(dead) == len({one.id for one in dead}) == sink.attempts.count("e1") == 3


async def test_p6_the_id_of_a_dead_letter_is_another_one_within_a_stretch_too(world: World) -> None:
    await world.subscribe()
    await world.publish(an_event("e1"))
    wake_up = world.next_wake_up()
    assert wake_up is not None
    stretch = await world.store.start(wake_up, now=world.clock.now())
    assert isinstance(stretch, Stretch)
    first = stretch.first[0]
    ids: list[str] = []

    # Given up; told again because it could not be written; redriven and given up again.
    for delivery in (first, first, replace(first, due_at=first.due_at + 1)):
        ledger = Ledger(stretch, random=lambda: 0.0, source=SOURCE)
        ledger.note(delivery, NotDelivered("no", is_permanent=True), now=world.clock.now())
        ids += [one.id for one in ledger.take().events]

    assert ids[0] == ids[1] != ids[2]


async def test_where_order_is_kept_no_event_overtakes_one_that_is_to_be_tried_again(
    world: World, sink: MemorySink
) -> None:
    sink.limits = Limits(events=2, keeps_order=True)
    await world.subscribe(types=["tocsin.operation.*"])
    await world.publish(*(an_event(f"e{count}") for count in range(1, 6)))
    sink.script["e3"] = Behaviour.REFUSE

    await world.deliver_due()
    await world.publish(an_event("e6"))
    assert sink.attempts == ["e1", "e2", "e3"]
    await wait_for_next_attempt(world)
    await world.deliver_due()
    del sink.script["e3"]
    await wait_for_next_attempt(world)
    await world.deliver_due()

    assert sink.attempts == ["e1", "e2", "e3", "e3", "e3", "e4", "e5", "e6"]
    assert await world.statuses() == ["delivered"] * 6


async def test_where_order_is_kept_an_event_given_up_makes_way(
    world: World, sink: MemorySink
) -> None:
    sink.limits = Limits(events=3, keeps_order=True)
    await world.subscribe(types=["tocsin.operation.*"])
    await world.publish(*(an_event(f"e{count}") for count in range(1, 4)))
    sink.outcomes["e2"] = NotDelivered("too large", is_permanent=True)

    await world.deliver_due()

    assert await world.statuses() == ["delivered", "deadlettered", "delivered"]


async def test_a_schedule_of_its_own_takes_the_place_of_the_table(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe(types=["tocsin.operation.*"])
    await world.patch(name, retrySchedule=["PT7S", "PT1M"])
    await world.publish(an_event("e1"))
    sink.behave(Behaviour.REFUSE)
    times: list[datetime] = []

    while await world.statuses() != ["deadlettered"]:
        await world.deliver_due()
        times.append(world.clock.now())
        await wait_for_next_attempt(world)

    assert len(sink.attempts) == 3
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == [timedelta(seconds=7), timedelta(minutes=1)]


async def sent_per_second(world: World, sink: MemorySink, seconds: int) -> list[int]:
    """Deliver for so many seconds; returns how many were sent in each."""
    counts, begin = [0] * seconds, world.clock.now()
    while True:
        before = len(sink.attempts)
        await world.deliver_due()
        second = (world.clock.now() - begin) // timedelta(seconds=1)
        counts[second] += len(sink.attempts) - before
        if not world.wakes.messages:
            return counts
        await world.until_next_wake_up()
        if world.clock.now() - begin >= timedelta(seconds=seconds):
            return counts


async def test_a_rate_limit_moves_what_is_due_and_loses_nothing(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    await world.patch(name, rateLimit={"perSecond": 10})
    await world.publish(*(an_event(f"e{count}") for count in range(45)))

    counts = await sent_per_second(world, sink, seconds=5)

    # A bucket of ten at once, and ten for each second that has begun.
    assert counts == [18, 10, 10, 7, 0]
    assert sink.attempts == [f"e{count}" for count in range(45)]


async def test_what_the_receiver_allows_counts_too(world: World, sink: MemorySink) -> None:
    world.answers.answer = Permission(per_minute=60)
    sink_wish = {"type": "webhook", "url": "https://example.org/", "validation": "cloudevents"}
    await world.create({"sink": sink_wish, "rateLimit": {"perSecond": 100}})
    await world.publish(*(an_event(f"e{count}") for count in range(4)))

    assert await sent_per_second(world, sink, seconds=5) == [1, 1, 1, 1, 0]


async def test_tries_again_are_counted_too(world: World, sink: MemorySink) -> None:
    name = await world.subscribe(types=["tocsin.operation.*"])
    await world.patch(name, rateLimit={"perSecond": 2}, retrySchedule=["PT1S"])
    sink.behave(Behaviour.REFUSE)
    await world.publish(*(an_event(f"e{count}") for count in range(4)))

    counts = await sent_per_second(world, sink, seconds=6)

    assert sum(counts) == 8
    assert max(counts) <= 4


async def test_two_processes_keep_a_rate_together(world: World, sink: MemorySink) -> None:
    name = await world.subscribe()
    await world.patch(name, rateLimit={"perSecond": 4})
    other = assemble(world.database, world.clock, sink.open)
    await world.publish(*(an_event(f"e{count}") for count in range(8)))
    await world.deliver_due()

    await world.until_next_wake_up()
    wake_up = world.next_wake_up()
    assert wake_up is not None
    await other.deliveries.deliver(wake_up)

    assert len(sink.attempts) == 5
