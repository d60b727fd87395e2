from contextlib import AbstractAsyncContextManager

import pytest

from shared.events.sink import Delivered, SinkType
from tests.contracts.event_sink import FailingSinkContract, SizedSinkContract, event_named
from tests.shared.events.sinks.aws_destinations import TOPIC, DestinedToWire, destined_to_wire
from tests.shared.events.sinks.moto_destinations import DestinedToMoto, destined_to_topic


class TestSnsSink(SizedSinkContract, FailingSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToWire]:
        return destined_to_wire(SinkType.SNS, {"topicArn": TOPIC})


class TestSnsSinkOnMoto(SizedSinkContract):
    @pytest.fixture(autouse=True)
    def _place(self, moto: str) -> None:
        self.moto = moto

    def open(self) -> AbstractAsyncContextManager[DestinedToMoto]:
        return destined_to_topic(self.moto)


class TestFifoSnsSinkOnMoto(SizedSinkContract):
    FORGETS_REPEATS = True

    @pytest.fixture(autouse=True)
    def _place(self, moto: str) -> None:
        self.moto = moto

    def open(self) -> AbstractAsyncContextManager[DestinedToMoto]:
        return destined_to_topic(self.moto, suffix=".fifo")


class TestFifoSnsSink(SizedSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToWire]:
        return destined_to_wire(SinkType.SNS, {"topicArn": f"{TOPIC}.fifo"})


async def test_filter_policies_can_select_by_type_source_and_subject() -> None:
    async with destined_to_wire(SinkType.SNS, {"topicArn": TOPIC}) as destined:
        await destined.sink.send([event_named("e1", subject="/jobs/1")])

        (sent,) = destined.wire.taken
        assert sent.attributes == {"type": "t", "source": "/s", "subject": "/jobs/1"}
        assert (sent.group, sent.deduplication) == (None, None)


async def test_a_topic_takes_up_to_256_kb_in_a_call_and_one_event_alone_beyond_that() -> None:
    async with destined_to_wire(SinkType.SNS, {"topicArn": TOPIC}) as destined:
        large = event_named("large", filler=200_000)
        events = [event_named("e1"), large, event_named("larger", filler=100_000)]

        assert list(await destined.sink.send(events)) == [Delivered()] * 3

        assert destined.wire.calls == [["e1", "large"], ["larger"]]
