"""What a stretch writes of an event subscription: all it found, or, where that was changed meanwhile, outcomes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import settle
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event

OTHER = {"url": "https://other.example.org/"}


async def change_while_sending(world: World, sink: MemorySink, name: str) -> None:
    """Have an event subscription moved to another receiver while the former has not answered yet."""
    gate = sink.hold()
    wake_up = world.next_wake_up()
    assert wake_up is not None
    delivering = asyncio.create_task(world.deliveries.deliver(wake_up))
    await settle()
    await world.patch(name, sink=OTHER)
    gate.set()
    await delivering


async def test_what_the_former_receiver_answered_does_not_disable_the_present_one(
    world: World, sink: MemorySink, caplog: pytest.LogCaptureFixture
) -> None:
    name = await world.subscribe()
    await world.publish(an_event("e1"))
    sink.script["e1"] = Behaviour.GONE

    await change_while_sending(world, sink, name)
    sink.script.clear()
    await world.deliver_due()

    shown = await world.event_subscriptions.get(name)
    assert (shown.status, shown.status_reason) == ("enabled", None)
    assert sink.attempts == ["e1", "e1"]
    assert await world.statuses() == ["delivered"]
    assert [one.event.id for one in await world.log.read(since=0, limit=10)] == ["e1"]
    assert "disabled" not in caplog.text


async def test_how_the_former_receiver_was_says_nothing_of_the_present_one(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    await world.publish(an_event("e1"))
    sink.script["e1"] = Behaviour.BUSY

    await change_while_sending(world, sink, name)
    await world.publish(an_event("e2"))
    await world.deliver_due()

    assert sink.attempts == ["e1", "e2"]
    assert (await world.event_subscriptions.get(name)).failing_since is None
    rows = await world.rows("SELECT failures, last_error FROM delivery ORDER BY number")
    assert rows == [(1, "HTTP 503"), (0, None)]


async def test_another_receiver_is_not_disabled_for_the_days_that_the_former_one_failed(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    world.clock.set(world.clock.now() + timedelta(days=5))

    changed = await world.patch(name, sink=OTHER)
    await world.deliver_due()

    shown = await world.event_subscriptions.get(name)
    assert changed.failing_since is None
    assert sink.attempts == ["e1", "e1"]
    assert (shown.status, shown.failing_since) == ("enabled", world.clock.now())


async def test_another_receiver_does_not_wait_as_long_as_the_former_one_asked_for(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.script["e1"] = Behaviour.BUSY
    await world.publish(an_event("e1"))
    await world.deliver_due()
    await world.publish(an_event("e2"))

    await world.patch(name, sink=OTHER)
    await world.deliver_due()

    assert sink.attempts == ["e1", "e2"]


@pytest.mark.parametrize(
    "members",
    [
        {"name": "another"},
        {"sink": {"url": "https://example.org/"}},
        {"sink": {"validation": "none"}},
    ],
    ids=str,
)
async def test_the_same_receiver_keeps_its_row_of_failures_whatever_else_is_changed(
    world: World, sink: MemorySink, members: dict[str, Any]
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    first = world.clock.now()
    world.clock.set(first + timedelta(days=1))

    changed = await world.patch(name, **members)

    assert changed.failing_since == first


async def test_with_another_connection_string_a_row_of_failures_begins_anew(
    world: World, sink: MemorySink
) -> None:
    connection = "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey="
    queue = {"type": "servicebus-queue", "queue": "q", "connectionString": f"{connection}a2V5"}
    name = (await world.create({"sink": queue})).id
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    assert (await world.event_subscriptions.get(name)).failing_since is not None

    changed = await world.patch(name, sink={"connectionString": f"{connection}b3RoZXI="})

    assert changed.failing_since is None


async def test_another_receiver_of_a_paused_one_is_sent_nothing_before_it_goes_on(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    await world.status_changes.pause(name, caller="key")

    changed = await world.patch(name, sink=OTHER)
    due = await world.rows("SELECT due_at FROM event_subscription")
    world.clock.set(world.clock.now() + timedelta(days=1))
    await world.deliver_due()

    assert (changed.status, changed.failing_since) == ("paused", None)
    assert due == [(None,)]
    assert sink.attempts == ["e1"]


async def test_a_change_does_not_refill_what_the_rate_limit_took(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    await world.patch(name, rateLimit={"perSecond": 2})
    await world.publish(*(an_event(f"e{count}") for count in range(4)))

    await change_while_sending(world, sink, name)
    await world.deliver_due()

    assert len(sink.attempts) == 2


async def test_failures_with_nothing_pending_between_them_are_no_row_of_failures(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe(types=["tocsin.operation.*"])
    await world.patch(name, retrySchedule=["PT1S"])
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    first = world.clock.now()
    during = (await world.event_subscriptions.get(name)).failing_since
    await world.until_next_wake_up()
    await world.deliver_due()
    between = (await world.event_subscriptions.get(name)).failing_since
    world.clock.set(first + timedelta(days=5))

    await world.publish(an_event("e2"))
    await world.deliver_due()

    shown = await world.event_subscriptions.get(name)
    assert (during, between) == (first, None)
    assert (shown.status, shown.failing_since) == ("enabled", world.clock.now())
    assert await world.statuses() == ["deadlettered", "pending"]
