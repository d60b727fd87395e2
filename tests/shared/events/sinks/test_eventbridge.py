import json
from contextlib import AbstractAsyncContextManager

import pytest

from shared.events.cloudevent import CloudEvent, parse_time
from shared.events.sink import Delivered, Destination, NotDelivered, OutgoingEvent, SinkType
from shared.events.sinks.eventbridge import EventBus
from tests.contracts.event_sink import (
    EventSinkContract,
    FailingSinkContract,
    SizedSinkContract,
    event_named,
)
from tests.shared.events.sinks.aws_destinations import ACCOUNT, DestinedToWire, destined_to_wire
from tests.shared.events.sinks.moto_destinations import DestinedToMoto, destined_to_bus


class TestEventBridgeSink(SizedSinkContract, FailingSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToWire]:
        return destined_to_wire(SinkType.EVENTBRIDGE, {"eventBus": "bus"})


class TestEventBridgeSinkOnMoto(EventSinkContract):
    @pytest.fixture(autouse=True)
    def _place(self, moto: str) -> None:
        self.moto = moto

    def open(self) -> AbstractAsyncContextManager[DestinedToMoto]:
        return destined_to_bus(self.moto)


async def test_what_rules_match_by_is_taken_from_the_event() -> None:
    event = CloudEvent(
        id="e1",
        source="/subscriptions/1",
        type="tocsin.job.created",
        subject="/jobs/1",
        time=parse_time("2026-01-02T03:04:05Z"),
        data={"a": 1},
    ).encode()
    async with destined_to_wire(SinkType.EVENTBRIDGE, {"eventBus": "bus"}) as destined:
        await destined.sink.send([OutgoingEvent("e1", "tocsin.job.created", event)])

        entry = dict(destined.wire.taken[0].raw)
        assert json.loads(entry.pop("Detail")) == json.loads(event)
        assert entry == {
            "Source": "/subscriptions/1",
            "DetailType": "tocsin.job.created",
            "Resources": ["/jobs/1"],
            "Time": 1767323045,
            "EventBusName": "bus",
        }


def test_the_size_of_an_entry_is_counted_as_the_service_counts_it() -> None:
    bus = EventBus(
        Destination(type=SinkType.EVENTBRIDGE, settings={"eventBus": "b", "region": "eu-west-2"}),
        region="eu-west-1",
    )
    event = CloudEvent(
        id="e", source="/\u00e9".encode().hex(), type="t\u00e9", time=parse_time("2026-01-02T03:04:05Z")
    ).encode()  # fmt: skip

    entry = bus.entry(0, OutgoingEvent("e", "t", event))

    assert entry.size == 14 + len("2fc3a9") + len("t\u00e9".encode()) + len(event)
    assert bus.region == "eu-west-2"


async def test_of_a_batch_only_what_failed_is_not_delivered() -> None:
    async with destined_to_wire(SinkType.EVENTBRIDGE, {"eventBus": "bus"}) as destined:
        destined.wire.refused["e1"] = ("ThrottlingException", "Rate exceeded")
        destined.wire.refused["e3"] = ("InternalFailure", "")

        outcomes = await destined.sink.send([event_named(f"e{count}") for count in range(1, 5)])

        assert list(outcomes) == [
            NotDelivered("events in eu-west-1: ThrottlingException"),
            Delivered(),
            NotDelivered("events in eu-west-1: InternalFailure"),
            Delivered(),
        ]


def test_the_region_is_that_of_the_arn() -> None:
    arn = f"arn:aws:events:ap-south-1:{ACCOUNT}:event-bus/b"
    destination = Destination(type=SinkType.EVENTBRIDGE, settings={"eventBus": arn})

    assert EventBus(destination, region="eu-west-1").region == "ap-south-1"
