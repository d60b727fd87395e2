"""Replays of a range, and dead letters that are delivered again."""

import asyncio
from datetime import timedelta

import pytest

from shared.errors import ConflictError, InvalidRequestError, NotFoundError
from shared.events.queries import PageQuery, RangeQuery
from shared.messaging.steps import AT_ONCE
from shared.sql.database import Transaction
from tests.clocks import START, settle
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event

HOUR = timedelta(hours=1)
FIRST_PAGE = PageQuery(after=0, limit=100)


def between(since: float, until: float) -> RangeQuery:
    """Return a range in hours since the start."""
    return RangeQuery(since=START + since * HOUR, until=START + until * HOUR)


async def publish_hourly(world: World, count: int) -> None:
    for hour in range(count):
        world.clock.set(START + hour * HOUR)
        await world.publish(an_event(f"e{hour}"))


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (0, 9, ["e0", "e1", "e2", "e3"]),
        (1, 3, ["e1", "e2"]),
        (0.5, 1.5, ["e1"]),
        (-9, 0.5, ["e0"]),
        (3, 9, ["e3"]),
        (3.5, 9, []),
        (-9, 0, []),
    ],
)
async def test_p6_a_replay_delivers_what_was_published_in_a_range_under_the_same_ids(
    world: World, sink: MemorySink, since: float, until: float, expected: list[str]
) -> None:
    name = await world.subscribe()
    await publish_hourly(world, 4)
    await world.deliver_due()
    before = dict(sink.received)
    sink.received.clear()

    await world.redelivery.replay(name, between(since, until), caller="key")
    await world.deliver_due()

    assert [one for one, _ in sink.received] == expected
    assert all(before[one] == body for one, body in sink.received)
    assert (await world.event_subscriptions.get(name)).replay is None


async def test_a_replay_reaches_back_before_the_event_subscription_and_obeys_its_filter(
    world: World, sink: MemorySink
) -> None:
    await world.publish(
        an_event("job", event_type="tocsin.job.created", subject="/cloudservices/a"),
        an_event("elsewhere", event_type="tocsin.job.created", subject="/cloudservices/b"),
        an_event("operation", subject="/cloudservices/a"),
        an_event("other", event_type="tocsin.job.created", subject="/cloudservices/a"),
    )
    name = await world.subscribe(
        types=["tocsin.job.*"],
        subjectPrefix="/cloudservices/a",
        data=[{"path": "$.name", "equals": "job"}],
    )

    await world.redelivery.replay(name, between(0, 1), caller="key")
    await world.deliver_due()

    assert sink.attempts == ["job"]


async def test_p12_a_long_replay_goes_in_steps_and_leaves_what_is_pending(
    world: World, sink: MemorySink
) -> None:
    def insert_many(transaction: Transaction) -> None:
        for count in range(2 * AT_ONCE + 3):
            world.log.insert(transaction, an_event(f"e{count}"))

    await world.database.run(insert_many)
    await world.log.publish()
    name = await world.subscribe()
    await world.publish(an_event("new"))
    await world.status_changes.pause(name, caller="key")

    replay = await world.redelivery.replay(name, between(0, 1), caller="key")

    assert replay.to_json()["replay"] == {"next": 1, "last": 2 * AT_ONCE + 4}
    assert await world.statuses() == ["pending"]
    with pytest.raises(ConflictError, match="is being replayed to: event 1 of"):
        await world.redelivery.replay(name, between(0, 1), caller="key")
    await world.status_changes.resume(name, caller="key")
    first = world.next_wake_up()
    assert first is not None
    await world.deliveries.deliver(first)
    # The pending one was delivered when the replay came to it: it is part of the range, and so told again.
    assert len(sink.attempts) == 2 * AT_ONCE + 5
    assert (await world.event_subscriptions.get(name)).replay is None


async def test_a_replay_waits_while_the_receiver_fails(world: World, sink: MemorySink) -> None:
    await world.publish(*(an_event(f"e{count}") for count in range(3)))
    name = await world.subscribe()
    await world.publish(an_event("bad"))
    sink.behave(Behaviour.REFUSE)
    await world.deliver_due()

    await world.redelivery.replay(name, between(0, 1), caller="key")
    await world.deliver_due()
    assert sink.attempts == ["bad"]
    sink.behave(Behaviour.TAKE)
    await world.until_next_wake_up()
    await world.deliver_due()

    assert [one for one, _ in sink.received] == ["bad", "e0", "e1", "e2", "bad"]


async def test_a_replay_goes_on_by_another_filter_when_that_is_changed(
    world: World, sink: MemorySink
) -> None:
    await world.publish(an_event("a"), an_event("b", event_type="tocsin.job.created"))
    name = await world.subscribe()
    await world.publish(an_event("new"))
    gate = sink.hold()
    delivering = asyncio.create_task(world.deliver_due())
    await settle()

    await world.redelivery.replay(name, between(0, 1), caller="key")
    await world.patch(name, filter={"types": ["tocsin.job.*"]})
    gate.set()
    await delivering

    assert sink.attempts == ["new", "b"]


async def test_a_test_event_is_replayed_to_nobody(world: World, sink: MemorySink) -> None:
    name = await world.subscribe()
    await world.trials.send(name, caller="key")
    await world.deliver_due()

    await world.redelivery.replay(name, between(0, 1), caller="key")
    await world.deliver_due()

    assert len(sink.attempts) == 1


async def dead_letter(world: World, sink: MemorySink, *names: str) -> str:
    """Return an event subscription that has given up these events."""
    name = await world.subscribe(types=["tocsin.operation.*"])
    await world.patch(name, retrySchedule=["PT1S"])
    sink.behave(Behaviour.REFUSE)
    await world.publish(*(an_event(one) for one in names))
    await world.deliver_due()
    await world.until_next_wake_up()
    await world.deliver_due()
    sink.behave(Behaviour.TAKE)
    sink.attempts.clear()
    return name


async def test_p6_dead_letters_are_listed_with_their_reason(world: World, sink: MemorySink) -> None:
    name = await dead_letter(world, sink, "e1", "e2")

    first, second = await world.redelivery.dead_letters(name, FIRST_PAGE)
    rest = await world.redelivery.dead_letters(name, PageQuery(after=first.number, limit=100))

    assert first.to_json() == {
        "sequence": "0000000000000000001",
        "eventId": "e1",
        "type": "tocsin.operation.succeeded",
        "subject": "/cloudservices/cs1/jobcollections/jc1/jobs/nightly",
        "failures": 2,
        "lastError": "HTTP 500",
        "deadLetteredTime": "2026-01-01T12:00:01Z",
    }
    assert list(rest) == [second]


async def test_p6_all_dead_letters_are_delivered_again(world: World, sink: MemorySink) -> None:
    name = await dead_letter(world, sink, "e1", "e2", "e3")

    count = await world.redelivery.redrive(name, b"", caller="key")
    await world.deliver_due()

    assert count == 3
    assert sink.attempts == ["e1", "e2", "e3"]
    assert await world.redelivery.dead_letters(name, FIRST_PAGE) == []


async def test_some_dead_letters_are_delivered_again(world: World, sink: MemorySink) -> None:
    name = await dead_letter(world, sink, "e1", "e2", "e3")

    wanted = b'{"eventIds": ["e3", "e1", "e1", "unknown"]}'
    count = await world.redelivery.redrive(name, wanted, caller="key")
    await world.deliver_due()

    assert count == 2
    assert sink.attempts == ["e1", "e3"]
    left = await world.redelivery.dead_letters(name, FIRST_PAGE)
    assert [one.event_id for one in left] == ["e2"]


async def test_a_dead_letter_that_is_delivered_again_has_all_its_tries_before_it(
    world: World, sink: MemorySink
) -> None:
    name = await dead_letter(world, sink, "e1")
    sink.behave(Behaviour.REFUSE)

    await world.redelivery.redrive(name, b"{}", caller="key")
    await world.deliver_due()

    assert await world.rows("SELECT status, failures FROM delivery WHERE number = 1") == [
        ("pending", 1)
    ]


async def test_what_is_disabled_is_enabled_before_anything_is_delivered_again(
    world: World, sink: MemorySink
) -> None:
    name = await world.subscribe()
    sink.behave(Behaviour.GONE)
    await world.publish(an_event("e1"))
    await world.deliver_due()

    with pytest.raises(ConflictError, match="enable it first"):
        await world.redelivery.replay(name, between(0, 1), caller="key")
    with pytest.raises(ConflictError, match="enable it first"):
        await world.redelivery.redrive(name, b"", caller="key")


@pytest.mark.parametrize("body", [b"[]", b'{"eventIds": []}', b'{"eventIds": ["a\\u0000"]}'])
async def test_p10_a_wrong_body_is_refused(world: World, body: bytes) -> None:
    name = await world.subscribe()

    with pytest.raises(InvalidRequestError):
        await world.redelivery.redrive(name, body, caller="key")


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.redelivery.replay("none", between(0, 1), caller="key")
    with pytest.raises(NotFoundError):
        await world.redelivery.dead_letters("none", FIRST_PAGE)
    with pytest.raises(NotFoundError):
        await world.redelivery.redrive("none", b"", caller="key")
