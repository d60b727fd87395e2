"""What is told of deliveries is what its schema says.

What the engine tells is held against the schemas in `tests/shared/contracts`, what the connector tells wherever its
tests read events.
"""

import json

from shared.events.event_data import JOB_EVENTS
from shared.events.event_types import EventType
from shared.events.sink import Gone, NotDelivered
from tests.event_conformance import check_event
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event


async def test_what_is_told_of_deliveries_follows_its_schema(
    world: World, sink: MemorySink
) -> None:
    sink.outcomes = {"e1": NotDelivered("too large", is_permanent=True), "e2": Gone()}
    name = await world.subscribe(types=["tocsin.operation.*"])
    await world.trials.send(name, caller="key")
    await world.publish(an_event("e1"), an_event("e2"))

    await world.deliver_due()

    await world.log.publish()
    read = [json.loads(one.structured) for one in await world.log.read(since=0, limit=10)]
    told = {one["type"]: one for one in read if one["id"] not in ("e1", "e2")}
    assert set(told) == {
        EventType.EVENT_SUBSCRIPTION_TESTED,
        EventType.DELIVERY_DEADLETTERED,
        EventType.EVENT_SUBSCRIPTION_DISABLED,
    }
    for event in told.values():
        check_event(event)


def test_a_job_is_the_data_of_every_event_of_jobs_and_of_no_other() -> None:
    assert {one for one in EventType if one.startswith("tocsin.job.")} == JOB_EVENTS
