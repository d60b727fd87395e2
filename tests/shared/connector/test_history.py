"""What an engine tells, from the queue to the log."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.client.scheduler import SchedulerClient
from shared.connector.history import TOLD_BY_AN_ENGINE
from shared.connector.rejection import QueueMessage
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.messaging.entities import HISTORY, REJECTED
from shared.messaging.message import Message
from shared.sql.inline import InlineDatabase
from tests.clocks import FakeClock
from tests.shared.connector.killing import Countdown, Killed, MortalDatabase
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import SOURCE, World, assemble, migrated, opened, put_job


def told(id: str = "x-1/end", **members: Any) -> dict[str, Any]:
    """Return an event as an engine tells it."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": "tocsin.execution.succeeded",
        "subject": "/cloudservices/cs1/jobcollections/jc1/jobs/nightly",
        "data": {"executionId": "x-1"},
    } | members


def batch(*elements: Any) -> QueueMessage:
    body = json.dumps(elements).encode()
    return QueueMessage(body=body, queue=HISTORY, sequence_number=7, message_id="m1")


async def rejected(world: World) -> list[Message]:
    return [one.message for one in await world.broker.peek(REJECTED, max_messages=100)]


async def ids(world: World) -> list[str]:
    return [event["id"] for event in await world.events()]


@pytest.fixture
def client() -> SchedulerClient:
    return scripted(answer(409))[1]


async def test_events_of_a_batch_are_published_as_they_came_in_their_order(
    tmp_path: Path, client: SchedulerClient
) -> None:
    attempt = told("x-1/MainAction/0", type="tocsin.attempt.succeeded", executionid="x-1")
    async with opened(tmp_path, client) as world:
        await world.history.publish(batch(attempt, told()))

        events = await world.events()

    assert [event.pop("sequence") for event in events] == [f"{1:019}", f"{2:019}"]
    assert events == [attempt, told()]


async def test_p6_a_batch_that_comes_twice_is_each_event_once(
    tmp_path: Path, client: SchedulerClient
) -> None:
    async with opened(tmp_path, client) as world:
        for _ in range(2):
            await world.history.publish(batch(told("a"), told("b"), told("a")))
        await world.history.publish(batch(told("b"), told("c")))

        assert await ids(world) == ["a", "b", "c"]
        assert await rejected(world) == []


def test_an_engine_tells_of_jobs_attempts_and_executions() -> None:
    others = set(EventType) - TOLD_BY_AN_ENGINE

    assert others == {
        EventType.OPERATION_SUCCEEDED,
        EventType.OPERATION_FAILED,
        EventType.OPERATION_CANCELED,
        EventType.HISTORY_LOST,
        EventType.COMMAND_REJECTED,
        EventType.DELIVERY_DEADLETTERED,
        EventType.EVENT_SUBSCRIPTION_TESTED,
        EventType.EVENT_SUBSCRIPTION_DISABLED,
    }


async def test_every_type_that_an_engine_tells_is_taken(
    tmp_path: Path, client: SchedulerClient
) -> None:
    async with opened(tmp_path, client) as world:
        await world.history.publish(batch(*(told(one, type=one) for one in TOLD_BY_AN_ENGINE)))

        assert set(await ids(world)) == set(TOLD_BY_AN_ENGINE)


async def test_a_subscription_may_be_written_in_any_case(
    tmp_path: Path, client: SchedulerClient
) -> None:
    async with opened(tmp_path, client) as world:
        await world.history.publish(batch(told("a", source=SOURCE.upper())))

        assert await ids(world) == ["a"]


@pytest.mark.parametrize(
    ("element", "target"),
    [
        *((told(type=one), "$[1].type") for one in sorted(set(EventType) - TOLD_BY_AN_ENGINE)),
        (told(type="tocsin.job.exploded"), "$[1].type"),
        (told(type="com.example.other"), "$[1].type"),
        (told(source=SOURCE[:-1] + "2"), "$[1].source"),
        (told(source="https://example.org/"), "$[1].source"),
        (told("i" * 2049), "$[1].id"),
        (told("es1/disabled/3"), "$[1].id"),
        (told(""), "$[1].id"),
        (told(sequence="0000000000000000001"), "$[1].sequence"),
        (told(specversion="2.0"), "$[1].specversion"),
        (told(datacontenttype="text/plain"), "$[1].data"),
        (None, "$[1]"),
        (["nested"], "$[1]"),
    ],
    ids=str,
)
async def test_p10_what_no_engine_may_tell_is_rejected_and_the_rest_goes_on(
    tmp_path: Path,
    client: SchedulerClient,
    element: Any,
    target: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with opened(tmp_path, client) as world:
        await world.history.publish(batch(told("a"), element, told("b")))
        (copy,) = await rejected(world)

        assert await ids(world) == ["a", "b"]
    properties = copy.application_properties
    assert properties["DeadLetterReason"] == "BadRequest"
    assert properties["SourceQueue"] == HISTORY
    assert str(properties["DeadLetterErrorDescription"]).startswith(f"{target}: ")
    (record,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert target in record.getMessage()


@pytest.mark.parametrize("many", [1, 1200])
async def test_p2_no_engine_takes_the_id_of_the_end_of_an_operation(
    tmp_path: Path, client: SchedulerClient, many: int
) -> None:
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        taken = told(f"{operation.id}/end")
        await world.history.publish(batch(*(told(f"{n}/end") for n in range(many)), taken))
        (copy,) = await rejected(world)

        await world.run()
        events = await world.events()

    assert str(copy.application_properties["DeadLetterErrorDescription"]).startswith(
        f"$[{many}].id: "
    )
    (end,) = [event for event in events if event["id"] == taken["id"]]
    assert end["operationid"] == operation.id


async def test_p2_an_end_whose_id_is_taken_is_told_in_the_log(
    tmp_path: Path, client: SchedulerClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        other = CloudEvent.decode(json.dumps(told(f"{operation.id}/end")).encode())
        await world.database.run(lambda transaction: world.log.insert(transaction, other))

        await world.run()

    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert vars(record)["event_id"] == other.id


async def test_p10_a_number_beyond_all_floats_is_rejected(
    tmp_path: Path, client: SchedulerClient
) -> None:
    body = json.dumps([told("a", data=4711), told("b")]).replace("4711", "1e999").encode()
    async with opened(tmp_path, client) as world:
        await world.history.publish(QueueMessage(body=body, queue=HISTORY, sequence_number=1))

        assert await ids(world) == ["b"]
        assert len(await rejected(world)) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"no JSON", b"{}", json.dumps(told()).encode(), b"\xff", b"[" * 100_000],
    ids=lambda body: repr(body[:12]),
)
async def test_p10_a_message_that_is_no_batch_is_copied_and_not_retried(
    tmp_path: Path, client: SchedulerClient, body: bytes
) -> None:
    async with opened(tmp_path, client) as world:
        await world.history.publish(QueueMessage(body=body, queue=HISTORY, sequence_number=1))

        assert await ids(world) == []
        assert len(await rejected(world)) == 1


@pytest.mark.parametrize(
    "element",
    [
        told(data={"password": "geheim"}, type="odd"),
        told(source="geheim"),
        told(type="geheim"),
        told("geheim" * 400),
        told(datacontenttype="text/geheim"),
        told(**{"geheim-1": "x"}),
        "geheim",
        {"id": {"secret": "geheim"}},
    ],
    ids=str,
)
async def test_p8_copy_and_log_hold_nothing_of_the_message(
    tmp_path: Path,
    client: SchedulerClient,
    element: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with opened(tmp_path, client) as world:
        await world.history.publish(batch(element))
        (copy,) = await rejected(world)

    assert "geheim" not in copy.body.decode() + str(copy.application_properties) + caplog.text


async def test_an_empty_batch_tells_nothing(tmp_path: Path, client: SchedulerClient) -> None:
    async with opened(tmp_path, client) as world:
        await world.history.publish(batch())

        assert (await ids(world), await rejected(world)) == ([], [])


async def test_events_are_published_with_the_commit_that_inserts_them(
    tmp_path: Path, client: SchedulerClient
) -> None:
    database = InlineDatabase(migrated(tmp_path))
    countdown = Countdown()
    mortal = partial(MortalDatabase, countdown=countdown)
    world = assemble(database, client, FakeClock(), seen=mortal)
    countdown.left = 1

    with pytest.raises(Killed):
        await world.history.publish(batch(told("a"), told("b")))

    assert await ids(world) == ["a", "b"]
    await database.close()


@pytest.mark.parametrize("point", range(2))
async def test_p7_after_a_crash_the_redelivered_batch_is_each_event_once(
    tmp_path: Path, client: SchedulerClient, point: int
) -> None:
    database = InlineDatabase(migrated(tmp_path))
    countdown = Countdown()
    mortal = partial(MortalDatabase, countdown=countdown)
    clock = FakeClock()
    countdown.left = point
    message = batch(told("a"), told("b"))

    with pytest.raises(Killed):
        await assemble(database, client, clock, seen=mortal).history.publish(message)
    world = assemble(database, client, clock)
    await world.history.publish(message)

    assert await ids(world) == ["a", "b"]
    await database.close()
