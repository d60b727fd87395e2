"""What becomes of messages of SQS: settled once accepted, kept where something raises, in order within a group."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.aws.source_queue import QueuedMessage
from shared.connector.rejection import QueueMessage
from shared.connector.sqs_commands import SqsCommands, as_queue_message
from tests.clocks import FakeClock
from tests.contracts.source_queue import MOST_DELIVERIES
from tests.shared.aws.memory_queue import MemoryQueue


class Door:
    """Accepts messages, but those that a test has it fail on."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.tried: list[str] = []
        self.broken: set[str] = set()
        self.then: Callable[[], None] = lambda: None

    async def accept(self, message: QueueMessage) -> None:
        body = message.body.decode()
        self.tried.append(body)
        self.then()
        if body in self.broken:
            raise RuntimeError("our database is away")
        self.accepted.append(body)


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def commands(queue: MemoryQueue, door: Door, clock: FakeClock) -> SqsCommands:
    return SqsCommands(queue, accept=door.accept, clock=clock)


async def test_p1_everything_is_accepted_and_then_deleted(
    commands: SqsCommands, queue: MemoryQueue, door: Door
) -> None:
    for count in range(25):
        queue.send(str(count))

    assert await commands.take() == 25

    assert sorted(door.accepted, key=int) == [str(count) for count in range(25)]
    assert queue.held == []


async def test_what_raises_stays_and_the_rest_of_its_batch_does_not(
    commands: SqsCommands, queue: MemoryQueue, door: Door
) -> None:
    for body in ("a", "b", "c"):
        queue.send(body)
    door.broken.add("b")

    with pytest.raises(ExceptionGroup, match="stay") as caught:
        await commands.take()

    assert [str(error) for error in caught.value.exceptions] == ["our database is away"]
    assert door.accepted == ["a", "c"]
    queue.let_time_pass()
    door.broken.clear()
    assert await commands.take() == 1
    assert door.accepted == ["a", "c", "b"]


async def test_an_outage_of_ours_uses_up_the_deliveries_of_one_batch_only(
    commands: SqsCommands, queue: MemoryQueue, door: Door
) -> None:
    for count in range(30):
        queue.send(str(count))
    door.broken |= {str(count) for count in range(30)}

    with pytest.raises(ExceptionGroup):
        await commands.take()

    assert queue.receives == 1
    assert sum(one.deliveries for one in queue.held) == 10


async def test_poison_goes_to_the_dead_letter_queue_and_stops_nobody(
    commands: SqsCommands, queue: MemoryQueue, door: Door
) -> None:
    queue.send("poison")
    door.broken.add("poison")

    for count in range(MOST_DELIVERIES):
        queue.send(f"good{count}")
        with pytest.raises(ExceptionGroup):
            await commands.take()
        queue.let_time_pass()
    assert await commands.take() == 0

    assert queue.dead_letters() == ["poison"]
    assert door.accepted == ["good0", "good1", "good2"]


async def test_p3_nothing_of_a_group_gets_past_what_raised(
    commands: SqsCommands, queue: MemoryQueue, door: Door
) -> None:
    for group, body in (("g", "g1"), ("h", "h1"), ("g", "g2"), ("h", "h2")):
        queue.send(body, group=group, deduplication_id=body)
    door.broken.add("g1")

    with pytest.raises(ExceptionGroup):
        await commands.take()

    assert sorted(door.accepted) == ["h1", "h2"]
    assert "g2" not in door.tried
    door.broken.clear()
    queue.let_time_pass()
    assert await commands.take() == 2
    assert door.accepted[-2:] == ["g1", "g2"]


async def test_it_ends_after_25_seconds_whatever_is_left(
    commands: SqsCommands, queue: MemoryQueue, door: Door, clock: FakeClock
) -> None:
    for count in range(40):
        queue.send(str(count))
    door.then = lambda: clock.set(clock.now() + timedelta(seconds=1))

    assert await commands.take() == 30


def test_the_key_is_the_senders_then_that_of_the_queue_then_the_id() -> None:
    plain = QueuedMessage(id="m1", receipt="r", body="{}")
    ordered = QueuedMessage(id="m1", receipt="r", body="{}", group="g", deduplication_id="d1")
    named = QueuedMessage(
        id="m1",
        receipt="r",
        body="{}",
        deduplication_id="d1",
        attributes={"Idempotency-Key": "k1", "correlationId": "c1", "traceparent": "t1"},
    )

    made = [as_queue_message(each, queue="q") for each in (plain, ordered, named)]

    assert [each.key for each in made] == ["m1", "d1", "k1"]
    assert {each.caller for each in made} == {"sqs:q"}
    assert {each.name for each in made} == {"q/0/m1"}
    assert [each.correlation_id for each in made] == [None, None, "c1"]
    assert [each.traceparent for each in made] == [None, None, "t1"]


def test_p10_a_body_that_is_no_text_is_no_reason_to_raise() -> None:
    strange = QueuedMessage(id="m1", receipt="r", body="\ud800")

    assert as_queue_message(strange, queue="q").body == b"\xed\xa0\x80"
