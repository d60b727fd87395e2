from contextlib import AbstractAsyncContextManager

import pytest

from shared.events.sink import Delivered, HeldBack, NotDelivered, SinkType
from shared.wire.json_types import Json
from tests.contracts.event_sink import FailingSinkContract, SizedSinkContract, event_named
from tests.shared.events.sinks.aws_destinations import ACCOUNT, DestinedToWire, destined_to_wire
from tests.shared.events.sinks.moto_destinations import DestinedToMoto, destined_to_queue

QUEUE: dict[str, Json] = {"queueUrl": f"{{wire}}/{ACCOUNT}/q"}
FIFO: dict[str, Json] = {"queueUrl": f"{{wire}}/{ACCOUNT}/q.fifo"}
ONE_GROUP: dict[str, Json] = {**FIFO, "messageGroupId": "all"}
TRY_AGAIN = ("InternalError", "try again")


class TestSqsSink(SizedSinkContract, FailingSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToWire]:
        return destined_to_wire(SinkType.SQS, QUEUE)


class TestFifoSqsSink(SizedSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToWire]:
        return destined_to_wire(SinkType.SQS, FIFO)


class TestFifoSqsSinkWithOneGroup(SizedSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToWire]:
        return destined_to_wire(SinkType.SQS, ONE_GROUP)


class TestSqsSinkOnMoto(SizedSinkContract):
    @pytest.fixture(autouse=True)
    def _place(self, moto: str) -> None:
        self.moto = moto

    def open(self) -> AbstractAsyncContextManager[DestinedToMoto]:
        return destined_to_queue(self.moto)


class TestFifoSqsSinkOnMoto(SizedSinkContract):
    FORGETS_REPEATS = True

    @pytest.fixture(autouse=True)
    def _place(self, moto: str) -> None:
        self.moto = moto

    def open(self) -> AbstractAsyncContextManager[DestinedToMoto]:
        return destined_to_queue(self.moto, suffix=".fifo")


async def test_of_a_batch_only_what_failed_is_not_delivered() -> None:
    async with destined_to_wire(SinkType.SQS, QUEUE) as destined:
        destined.wire.refused["e2"] = TRY_AGAIN

        outcomes = await destined.sink.send([event_named(f"e{count}") for count in range(1, 4)])

        refused = NotDelivered("sqs in eu-west-1: InternalError")
        assert list(outcomes) == [Delivered(), refused, Delivered()]
        assert destined.wire.calls == [["e1", "e2", "e3"]]


async def test_nothing_of_a_group_arrives_before_what_failed_of_it() -> None:
    async with destined_to_wire(SinkType.SQS, FIFO) as destined:
        destined.wire.refused["a1"] = TRY_AGAIN
        events = [
            event_named("a1", subject="/a"),
            event_named("b1", subject="/b"),
            event_named("a2", subject="/a"),
            event_named("b2", subject="/b"),
        ]

        first, *others = await destined.sink.send(events)

        assert isinstance(first, NotDelivered)
        assert others == [Delivered(), HeldBack(), Delivered()]
        assert destined.wire.calls == [["a1", "b1"], ["b2"]]


async def test_what_can_never_be_delivered_holds_nothing_of_its_group() -> None:
    async with destined_to_wire(SinkType.SQS, FIFO) as destined:
        destined.wire.refused["a1"] = ("InvalidParameterValue", "Message must be shorter than 1024")

        first, second = await destined.sink.send([event_named("a1"), event_named("a2")])

        assert isinstance(first, NotDelivered)
        assert first.is_permanent
        assert second == Delivered()


@pytest.mark.parametrize("code", ["RequestThrottled", "QueueDoesNotExist", "AccessDenied"])
async def test_a_call_that_is_refused_as_a_whole_ends_the_batch_and_can_be_tried_again(
    code: str,
) -> None:
    async with destined_to_wire(SinkType.SQS, ONE_GROUP) as destined:
        destined.wire.whole = (code, f"no: {destined.wire.url} secret")

        outcomes = await destined.sink.send([event_named("a1"), event_named("a2")])

        assert list(outcomes) == [NotDelivered(f"sqs in eu-west-1: {code}"), HeldBack()]
        assert destined.wire.calls == [["a1"]]


async def test_a_batch_that_a_queue_finds_too_long_is_sent_one_by_one() -> None:
    async with destined_to_wire(SinkType.SQS, QUEUE) as destined:
        destined.wire.whole = ("BatchRequestTooLong", "Batch requests cannot be longer than 1 byte")

        outcomes = await destined.sink.send([event_named("e1"), event_named("e2")])

        assert all(isinstance(one, NotDelivered) and one.is_permanent for one in outcomes)
        assert destined.wire.calls == [["e1", "e2"], ["e1"], ["e2"]]


async def test_ids_of_fifo_queues_follow_from_the_event() -> None:
    async with destined_to_wire(SinkType.SQS, FIFO) as destined:
        long = "e" * 129
        await destined.sink.send(
            [event_named("op/end", subject="/a/b"), event_named(long, subject="/a b/\u00e9")]
        )

        plain, strange = destined.wire.taken
        assert (plain.group, plain.deduplication) == ("/a/b", "op/end")
        assert strange.group is not None
        assert strange.deduplication is not None
        assert len(strange.group) == len(strange.deduplication) == 64


async def test_a_group_that_was_asked_for_holds_all() -> None:
    async with destined_to_wire(SinkType.SQS, ONE_GROUP) as destined:
        await destined.sink.send([event_named("a", subject="/a"), event_named("b", subject="/b")])

        assert {sent.group for sent in destined.wire.taken} == {"all"}
        assert [sent.event_id for sent in destined.wire.taken] == ["a", "b"]
