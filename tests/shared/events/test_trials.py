import asyncio
import json
from datetime import timedelta

import pytest

from shared.errors import ConflictError, NotFoundError
from tests.clocks import settle
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World

WAIT = timedelta(seconds=20)


async def test_a_test_event_goes_to_one_alone_past_its_filter(
    world: World, sink: MemorySink
) -> None:
    await world.subscribe()
    name = await world.subscribe(types=["tocsin.job.created"])

    trial = await world.trials.send(name, caller="somebody")
    await world.deliver_due()

    assert trial.to_json() == {"eventId": trial.event_id, "status": "pending"}
    ((event_id, body),) = sink.received
    event = json.loads(body)
    assert (event_id, event["type"]) == (trial.event_id, "tocsin.eventsubscription.tested")
    assert event["subject"] == f"/eventsubscriptions/{name}"
    assert event["data"] == {"eventSubscriptionId": name, "caller": "somebody"}


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (Behaviour.TAKE, {"status": "delivered"}),
        (Behaviour.REFUSE, {"status": "pending", "lastError": "HTTP 500"}),
    ],
)
async def test_who_waits_is_told_what_became_of_it(
    world: World, sink: MemorySink, behaviour: Behaviour, expected: dict[str, str]
) -> None:
    name = await world.subscribe()
    sink.behave(behaviour)
    sending = asyncio.create_task(world.trials.send(name, caller="key", within=WAIT))
    await settle()

    await world.deliver_due()
    await world.clock.advance(timedelta(seconds=1))

    trial = await sending
    assert trial.to_json() == {"eventId": trial.event_id, **expected}


async def test_a_wait_ends_when_its_time_is_up(world: World) -> None:
    name = await world.subscribe()
    sending = asyncio.create_task(world.trials.send(name, caller="key", within=WAIT))
    await settle()

    await world.clock.advance(WAIT)

    assert not (await sending).is_over


async def test_what_is_deleted_meanwhile_gets_no_answer(world: World) -> None:
    name = await world.subscribe()
    sending = asyncio.create_task(world.trials.send(name, caller="key", within=WAIT))
    await settle()

    await world.event_subscriptions.delete(name, caller="key")
    await world.clock.advance(WAIT)

    assert not (await sending).is_over


async def test_what_is_not_enabled_is_not_tested(world: World) -> None:
    name = await world.subscribe()
    await world.status_changes.pause(name, caller="key")

    with pytest.raises(ConflictError, match="is paused"):
        await world.trials.send(name, caller="key")
    with pytest.raises(NotFoundError):
        await world.trials.send("none", caller="key")
    assert await world.log.publish() == 0
