"""The life of an event subscription on either database: published to, changed, given up, replayed."""

from collections.abc import AsyncIterator

import pytest

from shared.events.queries import PageQuery, RangeQuery
from shared.sql.postgresql import PostgresDatabase
from tests.clocks import START, FakeClock
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.test_redelivery import HOUR, between
from tests.shared.events.world import World, an_event, assemble

EVERYTHING = between(0, 1)


@pytest.fixture
async def distant_world(postgres_url: str, sink: MemorySink) -> AsyncIterator[World]:
    """A world over PostgreSQL."""
    database = PostgresDatabase(postgres_url)
    yield assemble(database, FakeClock(), sink.open)
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_world(request: pytest.FixtureRequest) -> World:
    name = "world" if request.param == "sqlite" else "distant_world"
    world: World = request.getfixturevalue(name)
    return world


async def test_p6_nothing_is_lost_to_whom_is_paused_given_up_and_replayed_to(
    either_world: World, sink: MemorySink
) -> None:
    world = either_world
    name = (
        await world.create(
            {
                "name": "it's",
                "sink": {"type": "webhook", "url": "https://example.org/"},
                "filter": {
                    "types": ["tocsin.operation.*"],
                    "subjectPrefix": "/CloudServices/cs1",
                    "data": [{"path": "$.name", "prefix": "e"}],
                },
                "retrySchedule": ["PT1S"],
                "rateLimit": {"perSecond": 100},
            }
        )
    ).id
    await world.status_changes.pause(name, caller="key")
    await world.publish(an_event("e1"), an_event("x"), an_event("e2"))
    await world.status_changes.resume(name, caller="key")
    sink.behave(Behaviour.REFUSE)
    await world.deliver_due()
    await world.until_next_wake_up()
    await world.deliver_due()
    sink.behave(Behaviour.TAKE)

    letters = await world.redelivery.dead_letters(name, PageQuery(after=0, limit=10))
    count = await world.redelivery.redrive(name, b"", caller="key")
    await world.deliver_due()
    await world.redelivery.replay(name, EVERYTHING, caller="key")
    await world.deliver_due()
    await world.event_subscriptions.rotate_secret(name, b"", caller="key")
    changed = await world.patch(name, name=None, filter={"data": None})

    assert [one.event_id for one in letters] == ["e1", "e2"]
    assert count == 2
    assert [one for one, _ in sink.received] == ["e1", "e2"] * 2
    assert (changed.name, changed.filter.data, len(changed.secrets)) == (None, (), 2)
    assert await world.event_subscriptions.get(name) == changed
    await world.event_subscriptions.delete(name, caller="key")
    assert await world.event_subscriptions.list() == []


async def test_a_range_is_found_among_many_numbers(either_world: World, sink: MemorySink) -> None:
    world = either_world
    for hour in range(20):
        world.clock.set(START + hour * HOUR)
        await world.publish(an_event(f"e{hour}"))
    name = await world.subscribe()

    query = RangeQuery(since=START + 6.5 * HOUR, until=START + 9 * HOUR)
    found = await world.redelivery.replay(name, query, caller="key")
    await world.deliver_due()

    assert found.replay == (8, 9)
    assert sink.attempts == ["e7", "e8"]
