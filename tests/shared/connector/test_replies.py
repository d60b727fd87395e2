"""Completion events that go to the queue a command named."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.connector.operations import Operation, ReplyTo
from shared.connector.rejection import QueueMessage
from shared.connector.replies import SWEPT_AFTER, Replies, allowed_queues, reply_queue_descriptions
from shared.connector.stores.replies import SqlReplyStore
from shared.errors import ConfigurationError, MessageSizeExceededError, QuotaExceededError
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import QueueDescription
from shared.messaging.message import Message
from shared.sql.inline import InlineDatabase
from tests.clocks import FakeClock
from tests.shared.connector.killing import Countdown, Killed, MortalDatabase
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import (
    REPLIES,
    World,
    assemble,
    commands,
    migrated,
    opened,
    put_job,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    _, client = scripted(answer(201, b'{"id": "a"}'))
    async with opened(tmp_path, client) as world:
        yield world


def asking(*bodies: dict[str, Any], **properties: Any) -> QueueMessage:
    content = json.dumps(bodies[0] if len(bodies) == 1 else bodies).encode()
    known = {"message_id": "m1", "reply_to": REPLIES, **properties}
    return QueueMessage(body=content, queue="commands", sequence_number=1, **known)


async def replied(world: World) -> list[Message]:
    """Take what waits in the queue for replies."""
    receiver = world.broker.receiver(REPLIES)
    taken = await receiver.receive(max_messages=100, max_wait=timedelta())
    for one in taken:
        await receiver.complete(one)
    return [one.message for one in taken]


async def outbox(world: World) -> int:
    ((count,),) = await world.rows("SELECT count(*) FROM operation_reply")
    return int(count)


class FullBroker:
    """Takes nothing for `full`, and remembers what else it got."""

    def __init__(self, full: str) -> None:
        self.full = full
        self.sent: list[tuple[str, Sequence[Message]]] = []

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        if entity == self.full:
            raise QuotaExceededError(f"{entity} is full")
        self.sent.append((entity, messages))


class FailingBroker:
    """Takes no two messages at once, one alone, and then nothing."""

    def __init__(self) -> None:
        self.has_one = False

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        if len(messages) > 1:
            raise MessageSizeExceededError("too much")
        if self.has_one:
            raise QuotaExceededError(f"{entity} is full")
        self.has_one = True


async def test_end_is_told_to_the_queue_the_command_named(world: World) -> None:
    (operation,) = await world.connector.accept_message(
        asking(put_job("a"), correlation_id="c1", reply_to_session_id="s1")
    )
    await world.run()

    (reply,) = await replied(world)
    (event,) = await world.events()

    assert (reply.message_id, reply.correlation_id, reply.session_id) == (
        f"{operation.id}/end",
        "c1",
        "s1",
    )
    assert reply.content_type == "application/cloudevents+json"
    told = json.loads(reply.body)
    assert told == {name: value for name, value in event.items() if name != "sequence"}
    assert await outbox(world) == 0


async def test_without_a_correlation_id_the_reply_has_the_message_id(world: World) -> None:
    await world.connector.accept_message(asking(put_job("a")))
    await world.run()

    assert [reply.correlation_id for reply in await replied(world)] == ["m1"]


async def test_every_operation_of_a_message_is_told_canceled_ones_too(world: World) -> None:
    first, second = await world.connector.accept_message(asking(put_job("a"), put_job("b")))
    await world.connector.cancel(second.id)
    await world.run()

    types = {reply.message_id: reply.subject for reply in await replied(world)}
    assert types == {
        f"{first.id}/end": "tocsin.operation.succeeded",
        f"{second.id}/end": "tocsin.operation.canceled",
    }


async def test_p4_same_message_again_is_told_once(world: World) -> None:
    for _ in range(2):
        await world.connector.accept_message(asking(put_job("a")))
        await world.run()

    assert len(await replied(world)) == 1


async def test_p4_same_message_with_another_reply_to_is_another_request(world: World) -> None:
    await world.connector.accept_message(asking(put_job("a")))

    assert await world.connector.accept_message(asking(put_job("a"), reply_to=None)) == []


async def test_nobody_is_told_who_did_not_ask(world: World) -> None:
    await world.connector.accept_message(asking(put_job("a"), reply_to=None))
    await world.run()

    assert await replied(world) == []


async def test_names_of_queues_ignore_case(world: World) -> None:
    await world.connector.accept_message(asking(put_job("a"), reply_to=REPLIES.upper()))
    await world.run()

    assert len(await replied(world)) == 1


@pytest.mark.parametrize(
    "queue", ["commands", "operations", "elsewhere", "replies/$DeadLetterQueue"]
)
async def test_p10_queue_that_is_not_allowed_rejects_the_message(world: World, queue: str) -> None:
    broken = {"command": "CreateOrUpdateJob", "resource": "/x"}

    assert await world.connector.accept_message(asking(broken, reply_to=queue)) == []

    (event,) = await world.events()
    targets = [fault["target"] for fault in event["data"]["faults"]]
    assert (targets[0], targets[-1]) == ("$.resource", "reply_to")
    assert await world.operations() == []


@pytest.mark.parametrize("session_id", ["s" * 129, "", "a\0", "a\ud800", "a\n"], ids=range(5))
async def test_p10_session_id_that_no_queue_takes_rejects_the_message(
    world: World, session_id: str
) -> None:
    odd = asking(put_job("a"), reply_to_session_id=session_id)

    assert await world.connector.accept_message(odd) == []
    (event,) = await world.events()
    assert [fault["target"] for fault in event["data"]["faults"]] == ["reply_to_session_id"]
    assert await world.connector.accept_message(
        asking(put_job("a"), message_id="m2", reply_to_session_id="s" * 128)
    )


@pytest.mark.parametrize("point", range(4))
async def test_p7_crash_around_the_end_loses_no_reply(tmp_path: Path, point: int) -> None:
    """Before and after the commits of the end and of the sending; twice is allowed, never is not."""
    countdown = Countdown()
    database = InlineDatabase(migrated(tmp_path))
    _, client = scripted(answer(201, b"{}"))
    world = assemble(database, client, FakeClock(), seen=lambda one: MortalDatabase(one, countdown))
    (operation,) = await world.connector.accept_message(asking(put_job("a")))
    countdown.left = 2 + point  # the start has two
    with pytest.raises(Killed):
        await world.work()
    countdown.left = None
    await world.database.run(world.broker.free_locks)
    await world.connector.free_leases()
    await world.clock.advance(SWEPT_AFTER)
    await world.connector.sweep()
    await world.run()

    replies = await replied(world)
    assert {reply.message_id for reply in replies} == {f"{operation.id}/end"}
    assert await outbox(world) == 0
    await world.broker.close()
    await database.close()


async def test_queue_that_takes_nothing_holds_up_no_other(world: World) -> None:
    broker = FullBroker("q1")
    replies = Replies(SqlReplyStore(world.database), sender=broker, clock=world.clock)
    operations = await ended_for(world, "q2", "q1", "q0", "q1", "q2")
    for operation in operations:
        await replies.send(operation.id)
    assert [queue for queue, _ in broker.sent] == ["q2", "q0", "q2"]

    await world.clock.advance(MINUTE)
    assert await replies.sweep() == 0
    broker.full = ""

    assert await replies.sweep() == 2
    queue, messages = broker.sent[-1]
    assert queue == "q1"
    assert [one.message_id for one in messages] == [
        f"{operation.id}/end" for operation in operations if operation in operations[1:4:2]
    ]
    assert await outbox(world) == 0


async def test_p7_reply_that_is_never_taken_is_dropped_and_holds_up_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Its queue requires sessions, and it has none."""
    queues = (QueueDescription(name="q1", requires_session=True),)
    broker = EmbeddedBroker(world.database, clock=world.clock, queues=queues)
    replies = Replies(SqlReplyStore(world.database), sender=broker, clock=world.clock)
    one = await ended_for(world, "q1", session_id="s")
    refused = await ended_for(world, "q1")
    other = await ended_for(world, "q1", session_id="s")
    await world.clock.advance(MINUTE)

    assert await replies.sweep() == 3

    sent = await broker.accept_session("q1", max_wait=timedelta())
    taken = await sent.receive(max_messages=10, max_wait=timedelta())
    assert [each.message.message_id for each in taken] == [
        f"{operation.id}/end" for operation in (*one, *other)
    ]
    assert await outbox(world) == 0
    (line,) = [each for each in caplog.records if vars(each).get("action") == "drop_reply"]
    assert vars(line)["operation_id"] == refused[0].id
    assert vars(line)["code"] == "InvalidOperation"
    await broker.close()


async def test_outage_amid_sending_one_by_one_drops_nothing(world: World) -> None:
    replies = Replies(SqlReplyStore(world.database), sender=FailingBroker(), clock=world.clock)
    await ended_for(world, "q1", "q1", "q1")
    await world.clock.advance(MINUTE)

    assert await replies.sweep() == 0
    assert await outbox(world) == 2


async def test_sweep_leaves_what_is_being_sent(world: World) -> None:
    broker = FullBroker("")
    replies = Replies(SqlReplyStore(world.database), sender=broker, clock=world.clock)
    await ended_for(world, "q1")

    assert await replies.sweep() == 0
    await world.clock.advance(SWEPT_AFTER)
    assert await replies.sweep() == 1


async def test_reply_that_cannot_be_sent_is_given_up_after_a_week(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    replies = Replies(SqlReplyStore(world.database), sender=FullBroker("q1"), clock=world.clock)
    await ended_for(world, "q1")

    world.clock.set(world.clock.now() + timedelta(days=7))
    assert await replies.prune() == 0
    world.clock.set(world.clock.now() + MINUTE)
    assert await replies.prune() == 1

    assert "1 replies could not be sent" in caplog.text


async def ended_for(world: World, *queues: str, session_id: str | None = None) -> list[Operation]:
    """End one operation for each of these queues, and tell nobody."""
    ended = []
    for number, queue in enumerate(queues):
        (operation,) = await world.connector._door.accept(
            commands(put_job(f"j{number}")),
            caller="key",
            key=None,
            correlation_id=None,
            reply_to=ReplyTo(queue=queue, session_id=session_id),
        )
        ended.append(await world.store.cancel(operation.id, now=world.clock.now()))
    return ended


@pytest.mark.parametrize("name", ["commands", "COMMANDS", "events", "rejected/$DeadLetterQueue"])
def test_queues_of_our_own_are_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_REPLY_QUEUES") as raised:
        reply_queue_descriptions(["mine", name])

    assert name in raised.value.message
    assert "mine" not in raised.value.message


def test_queue_named_twice_is_one() -> None:
    assert dict(allowed_queues(["Mine", "mine", "yours"])) == {"mine": "mine", "yours": "yours"}
