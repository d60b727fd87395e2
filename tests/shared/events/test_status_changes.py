"""Paused, disabled, pending, enabled: what is kept, what is sent, and when."""

import asyncio
from datetime import timedelta

import pytest

from shared.errors import ConflictError, NotFoundError
from shared.events.handshake import Permission, Refusal
from tests.clocks import settle
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event

ASKING = {"sink": {"type": "webhook", "url": "https://a.example.org/", "validation": "cloudevents"}}


async def test_p6_what_is_published_while_it_is_paused_is_sent_when_it_is_resumed(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    await world.publish(an_event("e1"))
    paused = await world.status_changes.pause(name, caller="key")
    await world.deliver_due()
    await world.publish(an_event("e2"))

    assert paused.status == "paused"
    assert not world.wakes.messages
    assert await world.deliveries.sweep() == 0
    assert sink.attempts == []
    resumed = await world.status_changes.resume(name, caller="key")
    await world.deliver_due()

    assert resumed.status == "enabled"
    assert sink.attempts == ["e1", "e2"]


async def test_a_pause_is_noticed_by_whoever_sends_at_this_moment(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    await world.publish(*(an_event(f"e{count}") for count in range(100)))
    gate = sink.hold()
    delivering = asyncio.create_task(world.deliver_due())
    await settle()

    await world.status_changes.pause(name, caller="key")
    world.clock.set(world.clock.now() + timedelta(seconds=1))
    gate.set()

    assert await delivering == 1
    assert len(sink.attempts) < 20
    await world.status_changes.resume(name, caller="key")
    await world.deliver_due()
    assert sorted(sink.attempts) == sorted(f"e{count}" for count in range(100))


async def test_resuming_while_the_last_stretch_still_sends_loses_nothing(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    await world.publish(an_event("e1"))
    gate = sink.hold()
    delivering = asyncio.create_task(world.deliver_due())
    await settle()

    await world.status_changes.pause(name, caller="key")
    await world.publish(an_event("e2"))
    await world.status_changes.resume(name, caller="key")
    gate.set()
    await delivering
    await world.deliver_due()

    assert sink.attempts == ["e1", "e2"]


async def test_what_was_pending_when_it_was_disabled_is_sent_when_it_is_enabled(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.GONE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    await world.publish(an_event("missed"))
    sink.behave(Behaviour.TAKE)

    enabled = await world.status_changes.enable(name, caller="key")
    await world.publish(an_event("e2"))
    await world.deliver_due()

    assert (enabled.status, enabled.status_reason, enabled.failing_since) == ("enabled", None, None)
    assert [one for one, _ in sink.received] == ["e1", "e2"]


async def test_changes_that_are_made_already_are_harmless(world: World) -> None:
    name = await world.subscribe()

    enabled = await world.status_changes.enable(name, caller="key")
    resumed = await world.status_changes.resume(name, caller="key")
    paused = await world.status_changes.pause(name, caller="key")
    again = await world.status_changes.pause(name, caller="key")

    assert (enabled.version, resumed.version, paused.version, again.version) == (1, 1, 2, 2)


async def test_a_change_that_its_status_does_not_allow_is_refused(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    await world.status_changes.pause(name, caller="key")
    with pytest.raises(ConflictError, match="is paused"):
        await world.status_changes.enable(name, caller="key")
    await world.status_changes.resume(name, caller="key")
    sink.behave(Behaviour.GONE)
    await world.publish(an_event("e1"))
    await world.deliver_due()

    for change in (world.status_changes.pause, world.status_changes.resume):
        with pytest.raises(ConflictError, match="is disabled"):
            await change(name, caller="key")
        with pytest.raises(NotFoundError):
            await change("unknown", caller="key")


async def test_who_has_to_be_asked_is_sent_to_once_it_agrees(
    world: World, sink: MemorySink
) -> None:
    world.answers.answer = Refusal("the receiver answered OPTIONS with HTTP 404")
    pending = await world.create(ASKING)
    await world.publish(an_event("e1"))
    await world.deliver_due()

    assert (pending.status, pending.status_reason) == ("pending", world.answers.answer.reason)
    assert sink.attempts == []
    world.answers.answer = Permission(per_minute=120)
    enabled = await world.status_changes.enable(pending.id, caller="key")
    await world.deliver_due()

    assert (enabled.status, enabled.status_reason) == ("enabled", None)
    assert enabled.to_json()["allowedRate"] == {"perMinute": 120}
    assert sink.attempts == ["e1"]


async def test_who_need_not_be_asked_is_not(world: World) -> None:
    await world.subscribe()

    assert world.answers.asked == []


async def test_another_url_is_asked_anew(world: World, sink: MemorySink) -> None:
    name = (await world.create(ASKING)).id
    world.answers.answer = Refusal("no")

    changed = await world.patch(name, sink={"url": "https://b.example.org/"})
    await world.publish(an_event("e1"))
    await world.deliver_due()

    assert world.answers.asked == ["https://a.example.org/", "https://b.example.org/"]
    assert (changed.status, changed.status_reason) == ("pending", "no")
    assert sink.attempts == []
    unasked = await world.patch(name, sink={"validation": "none"})
    await world.deliver_due()
    assert unasked.status == "enabled"
    assert sink.attempts == ["e1"]


async def test_a_paused_one_is_resumed_before_its_receiver_is_asked(world: World) -> None:
    name = (await world.create(ASKING)).id
    await world.status_changes.pause(name, caller="key")

    with pytest.raises(ConflictError, match="paused"):
        await world.patch(name, sink={"url": "https://b.example.org/"})

    shown = await world.event_subscriptions.get(name)
    assert shown.sink_settings["url"] == "https://a.example.org/"


async def test_an_answer_about_a_former_url_counts_no_more(world: World) -> None:
    world.answers.answer = Refusal("no")
    pending = await world.create(ASKING)
    await world.patch(pending.id, sink={"url": "https://b.example.org/"})
    world.answers.answer = Permission()

    found = await world.status_changes.ask_for_permission(pending)

    assert (found.status, found.status_reason) == ("pending", "no")


async def test_a_secret_rotated_while_the_receiver_is_asked_does_not_make_its_answer_void(
    world: World,
) -> None:
    gate = world.answers.hold()
    creating = asyncio.create_task(world.create(ASKING))
    await settle()
    (pending,) = await world.event_subscriptions.list()

    rotated = await world.event_subscriptions.rotate_secret(pending.id, b"", caller="key")
    gate.set()
    enabled = await creating

    assert rotated.status == "pending"
    assert enabled.status == "enabled"
    assert world.answers.asked == ["https://a.example.org/"]


async def test_a_refusal_after_another_question_was_answered_well_changes_nothing(
    world: World,
) -> None:
    world.answers.answer = Refusal("no")
    pending = await world.create(ASKING)
    world.answers.answer = Permission()
    await world.status_changes.enable(pending.id, caller="key")
    world.answers.answer = Refusal("no")

    found = await world.status_changes.ask_for_permission(pending)

    assert (found.status, found.status_reason) == ("enabled", None)
