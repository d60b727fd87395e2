import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.clock import SystemClock
from shared.errors import EntityNotFoundError, TocsinError, TransientError
from shared.events.cloudevent import CloudEvent
from shared.events.sink import (
    Delivered,
    Destination,
    EventSink,
    Mode,
    NotDelivered,
    OutgoingEvent,
    SinkType,
)
from shared.events.sinks.service_bus import ServiceBusSinks
from shared.messaging.broker import Broker
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import NamespaceDescription
from shared.messaging.message import Message, ReceivedMessage
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from shared.sql.inline import InlineDatabase
from tests.clocks import FakeClock, settle
from tests.contracts.broker_steps import ALL, ORDERED, QUEUE, QUEUES, TOPIC, TOPICS, one, take
from tests.contracts.event_sink import (
    BUSY_FOR,
    Behaviour,
    FailingSinkContract,
    SizedSinkContract,
    event_named,
    send_one,
)
from tests.empty_database import empty_database
from tests.shared.messaging.amqp.serving import serving

NAMESPACE = NamespaceDescription(name="ns", queues=QUEUES, topics=TOPICS)
LIMIT = timedelta(seconds=0.5)
TO_QUEUE = Destination(type=SinkType.SERVICE_BUS_QUEUE, settings={"queue": QUEUE})
TO_TOPIC = Destination(type=SinkType.SERVICE_BUS_TOPIC, settings={"topic": TOPIC}, mode=Mode.BINARY)
FAILURES: dict[Behaviour, Callable[[], TocsinError]] = {
    Behaviour.REFUSE: lambda: EntityNotFoundError("there is no queue"),
    Behaviour.HANG_UP: lambda: TransientError("away", code="ServiceBusUnavailable"),
    Behaviour.BUSY: lambda: TransientError("busy", retry_after=BUSY_FOR),
}


class Faulty:
    """A sender that fails where a test says so, and keeps what the broker behind it took."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.behaviour = Behaviour.TAKE
        self.taken: list[Message] = []

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        if self.behaviour is Behaviour.STAY_SILENT:
            await asyncio.Event().wait()
        if failure := FAILURES.get(self.behaviour):
            raise failure()
        await self._broker.send(entity, messages)
        self.taken += messages


class Idle:
    """A sender that takes everything when its gate is open, and tells whether it is closed."""

    def __init__(self) -> None:
        self.is_closed = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        await self.gate.wait()

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class DestinedToBroker:
    faulty: Faulty
    broker: Broker
    sink: EventSink

    @property
    def received(self) -> list[tuple[str, bytes]]:
        return [(message.message_id or "", structured(message)) for message in self.faulty.taken]

    def behave(self, behaviour: Behaviour) -> None:
        self.faulty.behaviour = behaviour


def structured(message: Message) -> bytes:
    """Return the event in a message, put together again where it is in binary mode."""
    if message.content_type == "application/cloudevents+json":
        return message.body
    attributes = {
        name.removeprefix("cloudEvents:"): value
        for name, value in message.application_properties.items()
    }
    return json.dumps({**attributes, "data": json.loads(message.body)}).encode()


@asynccontextmanager
async def destined_to(destination: Destination) -> AsyncIterator[DestinedToBroker]:
    """Open a sink on the embedded broker."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tocsin.db"
        path.write_bytes(empty_database(SCHEMA))
        database = InlineDatabase(path)
        broker = EmbeddedBroker(database, clock=FakeClock(), queues=QUEUES, topics=TOPICS)
        faulty = Faulty(broker)
        sinks = ServiceBusSinks(faulty, new_sender=lambda _: Idle(), time_limit=LIMIT)
        yield DestinedToBroker(faulty, broker, sinks.open(destination))
        await sinks.close()
        await broker.close()
        await database.close()


class TestQueueOfOurs(SizedSinkContract, FailingSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToBroker]:
        return destined_to(TO_QUEUE)


class TestTopicOfOurs(SizedSinkContract, FailingSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedToBroker]:
        return destined_to(TO_TOPIC)


async def test_a_busy_namespace_says_when_to_come_back() -> None:
    async with destined_to(TO_QUEUE) as destined:
        destined.behave(Behaviour.BUSY)

        outcome = await send_one(destined.sink, "e1", event_named("e1").structured)

        assert outcome == NotDelivered("Service Bus: ServerBusy", BUSY_FOR)


async def test_p8_of_an_error_only_its_code_is_told() -> None:
    async with destined_to(
        Destination(type=SinkType.SERVICE_BUS_QUEUE, settings={"queue": ORDERED})
    ) as destined:
        outcome = await send_one(destined.sink, "e1", event_named("e1").structured)

        assert outcome == NotDelivered("Service Bus: InvalidOperation")


async def test_the_properties_of_a_message_are_those_of_the_event() -> None:
    event = CloudEvent(
        id="op/" + "e" * 130,
        source="/subscriptions/1",
        type="tocsin.job.created",
        subject="/jobs/1",
        data={"a": 1},
        extensions={"correlationid": "c1", "attempt": 2, "last": True},
    ).encode()
    async with destined_to(TO_TOPIC) as destined:
        await destined.sink.send([OutgoingEvent("op/" + "e" * 130, "t", event)])

        message = (await one(destined.broker.receiver(ALL))).message
        assert message.message_id is not None
        assert len(message.message_id) == 64
        assert (message.subject, message.correlation_id) == ("/jobs/1", "c1")
        assert (message.content_type, message.body) == ("application/json", b'{"a":1}')
        assert message.application_properties["cloudEvents:type"] == "tocsin.job.created"
        assert message.application_properties["cloudEvents:attempt"] == 2
        assert message.application_properties["cloudEvents:last"] is True


@asynccontextmanager
async def sinks_over_amqp() -> AsyncIterator[ServiceBusSinks]:
    """Open what reaches namespaces by the SDK."""
    sinks = ServiceBusSinks(
        Idle(),
        new_sender=lambda text: ServiceBusBroker(
            ServiceBusConnection(connection_string=text), clock=SystemClock()
        ),
        time_limit=timedelta(seconds=10),
    )
    try:
        yield sinks
    finally:
        await sinks.close()


def elsewhere(connection_string: str, mode: Mode) -> Destination:
    return Destination(
        type=SinkType.SERVICE_BUS_QUEUE,
        settings={"queue": QUEUE},
        mode=mode,
        secrets=(connection_string,),
    )


async def test_p11_over_amqp_a_batch_arrives_in_either_mode_and_of_one_too_large_the_rest() -> None:
    async with serving(NAMESPACE) as served, sinks_over_amqp() as sinks:
        events = [
            event_named("e1"),
            event_named("e2", filler=300_000),
            *(event_named(f"l{count}", filler=60_000) for count in range(6)),
        ]
        for mode in Mode:
            sink = sinks.open(elsewhere(served.connection_string, mode))

            outcomes = await sink.send(events)

            assert outcomes[1] == NotDelivered("too large", is_permanent=True)
            assert [*outcomes[:1], *outcomes[2:]] == [Delivered()] * 7
        received = await received_over(served.connection_string, 14)
        found = [json.loads(structured(message.message)) for message in received]
        sent = [json.loads(event.structured) for event in events if event.id != "e2"]
        assert found == sent * 2


async def received_over(connection_string: str, count: int) -> list[ReceivedMessage]:
    broker = ServiceBusBroker(
        ServiceBusConnection(connection_string=connection_string), clock=SystemClock()
    )
    try:
        return await take(broker.receiver(QUEUE), count)
    finally:
        await broker.close()


async def test_p6_of_a_namespace_that_is_away_or_refuses_us_an_outcome_tells() -> None:
    async with sinks_over_amqp() as sinks:
        async with serving(NAMESPACE) as served:
            stranger = served.connection_string.replace("SharedAccessKey=", "SharedAccessKey=x")
            refused = sinks.open(elsewhere(stranger, Mode.STRUCTURED))
            unauthorized = await send_one(refused, "e1", event_named("e1").structured)
        gone = sinks.open(elsewhere(served.connection_string, Mode.STRUCTURED))
        away = await send_one(gone, "e1", event_named("e1").structured)

    assert unauthorized == NotDelivered("Service Bus: ServiceBusUnauthorized")
    assert away == NotDelivered("Service Bus: ServiceBusUnavailable")


async def test_a_sender_is_kept_for_each_connection_string_those_used_last() -> None:
    made: dict[str, Idle] = {}

    def new_sender(text: str) -> Idle:
        assert text not in made
        made[text] = Idle()
        return made[text]

    sinks = ServiceBusSinks(Idle(), new_sender=new_sender, time_limit=LIMIT, kept=2)

    for text in ("a", "b", "a", "c"):
        sink = sinks.open(elsewhere(text, Mode.STRUCTURED))
        assert await send_one(sink, "e1", event_named("e1").structured) == Delivered()

    await settle()
    assert {text: one.is_closed for text, one in made.items()} == {
        "a": False,
        "b": True,
        "c": False,
    }
    await sinks.close()
    assert all(one.is_closed for one in made.values())


async def test_a_sender_in_use_is_not_closed() -> None:
    made: dict[str, Idle] = {"a": Idle(), "b": Idle()}
    sinks = ServiceBusSinks(Idle(), new_sender=made.__getitem__, time_limit=LIMIT, kept=1)
    made["a"].gate.clear()
    slow = sinks.open(elsewhere("a", Mode.STRUCTURED))
    sending = asyncio.create_task(send_one(slow, "e1", event_named("e1").structured))
    await settle()

    await send_one(sinks.open(elsewhere("b", Mode.STRUCTURED)), "e1", event_named("e1").structured)
    await settle()
    assert (made["a"].is_closed, made["b"].is_closed) == (False, True)

    made["a"].gate.set()
    assert await sending == Delivered()
    await sinks.close()
