"""Every kind of sink is reached from an event subscription by the parts as they are wired."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import Application
from shared.connector.rejection import QueueMessage
from shared.errors import InvalidRequestError
from shared.events.event_subscription import EventSubscription
from shared.messaging.wake_up import WakeUp
from shared.wire.json_types import JsonObject
from tests.clocks import FakeClock
from tests.shared.bootstrap.test_wiring import settings
from tests.shared.events.receiver import listening
from tests.shared.events.sinks.aws_destinations import REGION, TOPIC
from tests.shared.events.sinks.aws_wire import AwsWire, speaking_aws

QUEUE_PATH = "/123456789012/q"


@asynccontextmanager
async def opened(folder: Path, wire: AwsWire, **others: Any) -> AsyncIterator[Application]:
    app = Application(
        settings(
            folder,
            allowed_networks="127.0.0.0/8",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            aws_region=REGION,
            aws_endpoint=wire.url,
            **others,
        ),
        clock=FakeClock(),
    )
    await app.open()
    try:
        yield app
    finally:
        await app.close()


async def subscribe(app: Application, sink: JsonObject) -> EventSubscription:
    return await app.event_subscriptions.create(json.dumps({"sink": sink}).encode(), caller="key")


async def publish(app: Application, name: str) -> None:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": f"/subscriptions/{app.settings.subscription_id}",
        "type": "tocsin.execution.succeeded",
    }
    body = json.dumps([event]).encode()
    await app.history.publish(QueueMessage(body=body, queue="history", sequence_number=1))


async def deliver_all(app: Application) -> None:
    receiver = app.broker.receiver("deliveries")
    while messages := await receiver.receive(max_messages=10, max_wait=timedelta(0)):
        for message in messages:
            await app.deliveries.deliver(WakeUp.decode(message.message.body))
            await receiver.complete(message)


async def test_p6_an_event_reaches_a_sink_of_every_type(tmp_path: Path) -> None:
    async with (
        speaking_aws() as wire,
        listening() as receiver,
        opened(tmp_path, wire, events_topic="all-events") as app,
    ):
        sinks: list[JsonObject] = [
            {"type": "webhook", "url": receiver.url},
            {"type": "servicebus-queue", "queue": "nobody-has-it"},
            {"type": "servicebus-topic", "topic": "all-events"},
            {"type": "sns", "topicArn": TOPIC},
            {"type": "sqs", "queueUrl": wire.url + QUEUE_PATH},
            {"type": "eventbridge", "eventBus": "bus"},
        ]
        made = [await subscribe(app, sink) for sink in sinks]

        await publish(app, "e1")
        await deliver_all(app)

        assert [json.loads(one.body)["id"] for one in receiver.deliveries] == ["e1"]
        assert [sent.event_id for sent in wire.taken] == ["e1"] * 3
        shown = [await app.event_subscriptions.get(each.id) for each in made]
        failing = [each.sink_settings for each in shown if each.failing_since is not None]
        assert failing == [{"queue": "nobody-has-it"}]


async def test_p9_sinks_lead_only_where_the_settings_let_them(tmp_path: Path) -> None:
    async with speaking_aws() as wire:
        commands = f"{wire.url}/123456789012/commands"
        async with opened(tmp_path, wire, sqs_commands_url=commands) as app:
            for url in (commands, f"http://127.0.0.1:1{QUEUE_PATH}"):
                with pytest.raises(InvalidRequestError, match=r"\$.sink.queueUrl"):
                    await subscribe(app, {"type": "sqs", "queueUrl": url})
            made = await subscribe(app, {"type": "sqs", "queueUrl": wire.url + QUEUE_PATH})
            assert made.sink_settings == {"queueUrl": wire.url + QUEUE_PATH}


async def test_events_are_kept_as_long_as_the_settings_say(tmp_path: Path) -> None:
    async with speaking_aws() as wire, opened(tmp_path, wire, events_kept="P3D") as app:
        await publish(app, "e1")

        assert await app.event_log.prune(app.clock.now() + timedelta(days=3)) == 0
        assert await app.event_log.prune(app.clock.now() + timedelta(days=3, seconds=1)) == 1
