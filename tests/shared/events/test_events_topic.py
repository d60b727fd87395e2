import json

import pytest

from shared.errors import ConflictError, InvalidRequestError
from shared.events.events_topic import EventsTopic
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event

NAME = "events-topic"


def topic_of(world: World) -> EventsTopic:
    return EventsTopic(world.database, world.clock, world.status_changes)


async def test_every_event_goes_to_the_topic_of_the_setting(world: World, sink: MemorySink) -> None:
    await topic_of(world).keep("events")
    await topic_of(world).keep("events")

    await world.publish(an_event("e1"))
    await world.deliver_due()

    (shown,) = [one.to_json() for one in await world.event_subscriptions.list()]
    assert (shown["id"], shown["mode"]) == (NAME, "binary")
    assert shown["sink"] == {"type": "servicebus-topic", "topic": "events"}
    assert sink.attempts == ["e1"]


async def test_without_the_setting_nothing_goes_there_until_it_is_back(
    world: World, sink: MemorySink
) -> None:
    await topic_of(world).keep(None)
    assert await world.event_subscriptions.list() == []
    await topic_of(world).keep("events")

    await topic_of(world).keep(None)
    await world.publish(an_event("missed"))
    stopped = await world.event_subscriptions.get(NAME)
    await topic_of(world).keep("others")
    await world.publish(an_event("e1"))
    await world.deliver_due()

    assert (stopped.status, stopped.status_reason) == ("disabled", "TOCSIN_EVENTS_TOPIC is not set")
    found = await world.event_subscriptions.get(NAME)
    assert (found.status, found.sink_settings) == ("enabled", {"topic": "others"})
    assert sink.attempts == ["e1"]


async def test_another_topic_begins_without_the_failures_of_the_one_before(
    world: World, sink: MemorySink
) -> None:
    await topic_of(world).keep("events")
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    before = await world.event_subscriptions.get(NAME)

    await topic_of(world).keep("events")
    unchanged = await world.event_subscriptions.get(NAME)
    await topic_of(world).keep("others")

    found = await world.event_subscriptions.get(NAME)
    assert before.failing_since is not None
    assert (unchanged.failing_since, found.failing_since) == (before.failing_since, None)


async def test_what_callers_change_stays(world: World) -> None:
    await topic_of(world).keep("events")
    await world.patch(NAME, filter={"types": ["tocsin.job.*"]})
    await world.status_changes.pause(NAME, caller="key")

    await topic_of(world).keep("others")

    found = await world.event_subscriptions.get(NAME)
    assert (found.status, found.filter.types) == ("paused", ("tocsin.job.*",))


async def test_it_cannot_be_deleted_or_sent_elsewhere(world: World) -> None:
    await topic_of(world).keep("events")

    with pytest.raises(ConflictError, match="TOCSIN_EVENTS_TOPIC"):
        await world.event_subscriptions.delete(NAME, caller="key")
    with pytest.raises(ConflictError, match="TOCSIN_EVENTS_TOPIC"):
        await world.patch(NAME, sink={"topic": "others"})
    body = json.dumps({"sink": {"type": "sns"}}).encode()
    with pytest.raises(InvalidRequestError, match="cannot be changed"):
        await world.event_subscriptions.patch(NAME, body, if_match=None, caller="key")
