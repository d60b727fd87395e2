"""Sinks in the AWS of moto; what arrives is read from a queue of SQS behind them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

from shared.events.sink import Destination, EventSink, SinkType
from shared.wire.json_types import Json
from tests.contracts.event_sink import Behaviour
from tests.shared.events.sinks.aws_destinations import (
    ACCOUNT,
    PATIENCE,
    REGION,
    aws_sinks,
    shared_session,
)


@dataclass
class DestinedToMoto:
    """A sink, and the queue in which its events end; moto takes everything."""

    sink: EventSink
    endpoint: str
    queue_url: str

    @property
    def received(self) -> list[tuple[str, bytes]]:
        return [(json.loads(text)["id"], text.encode()) for text in self._texts()]

    def behave(self, behaviour: Behaviour) -> None:
        assert behaviour is Behaviour.TAKE

    def _texts(self) -> list[str]:
        sqs = client("sqs", self.endpoint)
        texts: list[str] = []
        while messages := receive(sqs, self.queue_url):
            for message in messages:
                texts.append(event_in(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return texts


def receive(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def event_in(body: str) -> str:
    """Return the event in a message, which EventBridge puts into one of its own."""
    document = json.loads(body)
    return json.dumps(document["detail"]) if "detail-type" in document else body


@cache
def client(service: str, endpoint: str) -> Any:
    return shared_session().client(service, region_name=REGION, endpoint_url=endpoint)


def new_queue(endpoint: str, suffix: str = "", **attributes: str) -> str:
    """Create a queue and return its URL."""
    if suffix:
        attributes["FifoQueue"] = "true"
    name = f"q-{uuid4().hex}{suffix}"
    made = client("sqs", endpoint).create_queue(QueueName=name, Attributes=attributes)
    return str(made["QueueUrl"])


def arn_of(queue_url: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}"


@asynccontextmanager
async def destined(
    endpoint: str, kind: SinkType, settings: dict[str, Json], queue_url: str
) -> AsyncIterator[DestinedToMoto]:
    async with aws_sinks(endpoint, seconds=PATIENCE) as sinks:
        sink = sinks.open(Destination(type=kind, settings=settings))
        yield DestinedToMoto(sink, endpoint, queue_url)


@asynccontextmanager
async def destined_to_queue(endpoint: str, suffix: str = "") -> AsyncIterator[DestinedToMoto]:
    url = new_queue(endpoint, suffix)
    async with destined(endpoint, SinkType.SQS, {"queueUrl": url}, url) as opened:
        yield opened


@asynccontextmanager
async def destined_to_topic(endpoint: str, suffix: str = "") -> AsyncIterator[DestinedToMoto]:
    sns, url = client("sns", endpoint), new_queue(endpoint, suffix)
    attributes = {"FifoTopic": "true"} if suffix else {}
    arn = sns.create_topic(Name=f"t-{uuid4().hex}{suffix}", Attributes=attributes)["TopicArn"]
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=arn_of(url),
        Attributes={"RawMessageDelivery": "true"},
    )
    async with destined(endpoint, SinkType.SNS, {"topicArn": arn}, url) as opened:
        yield opened


@asynccontextmanager
async def destined_to_bus(endpoint: str) -> AsyncIterator[DestinedToMoto]:
    events, url = client("events", endpoint), new_queue(endpoint)
    bus = f"b-{uuid4().hex}"
    events.create_event_bus(Name=bus)
    pattern = json.dumps({"detail-type": ["t"], "detail": {"specversion": ["1.0"]}})
    events.put_rule(Name="all", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn_of(url)}])
    async with destined(endpoint, SinkType.EVENTBRIDGE, {"eventBus": bus}, url) as opened:
        yield opened
