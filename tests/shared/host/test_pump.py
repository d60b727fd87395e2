import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import List  # noqa: UP035 - the worker does not know list[...]

import azure.functions as func
import pytest

from shared.host.host_json import HostSettings
from shared.host.strict import StrictBroker
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.message import Message
from tests.clocks import FakeClock, settle
from tests.shared.host.hosting import CONNECTION, indexed, make_host, running

Handler = Callable[[func.ServiceBusMessage], Awaitable[None]]


def queue_app(handler: Handler, *, queue: str = "work") -> func.FunctionApp:
    app = func.FunctionApp()

    @app.service_bus_queue_trigger(
        arg_name="message", queue_name=queue, connection=CONNECTION, data_type="binary"
    )
    async def handle(message: func.ServiceBusMessage) -> None:
        await handler(message)

    return app


async def send(broker: EmbeddedBroker, *bodies: bytes, entity: str = "work") -> None:
    await broker.send(entity, [Message(body=body, message_id=body.decode()) for body in bodies])
    await settle()


async def bodies(broker: EmbeddedBroker, entity: str) -> list[bytes]:
    return [each.message.body for each in await broker.peek(entity, max_messages=100)]


async def test_message_is_handled_and_completed(broker: EmbeddedBroker, clock: FakeClock) -> None:
    seen = []

    async def handler(message: func.ServiceBusMessage) -> None:
        seen.append((message.message_id, message.get_body(), message.delivery_count))

    async with running(queue_app(handler), broker=broker, clock=clock):
        await send(broker, b"a", b"b")
        await broker.send("work", [Message(body=b'{"messageId": "forged"}', message_id="c")])
        await settle()

    assert seen == [("a", b"a", 1), ("b", b"b", 1), ("c", b'{"messageId": "forged"}', 1)]
    assert await bodies(broker, "work") == []


@pytest.mark.parametrize(
    "failure", [RuntimeError("broken"), SystemExit(3), asyncio.CancelledError()]
)
async def test_p10_failing_message_is_abandoned_then_dead_lettered_and_others_go_on(
    broker: EmbeddedBroker,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    failure: BaseException,
) -> None:
    seen = []

    async def handler(message: func.ServiceBusMessage) -> None:
        if message.get_body() == b"bad":
            raise failure
        seen.append(message.get_body())

    async with running(queue_app(handler), broker=broker, clock=clock):
        await send(broker, b"bad", b"good")

    dead = await broker.peek("work/$DeadLetterQueue")
    assert [(each.message.body, each.dead_letter_reason) for each in dead] == [
        (b"bad", "MaxDeliveryCountExceeded")
    ]
    assert seen == [b"good"]
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2  # one for each delivery


async def test_no_more_are_received_than_there_are_slots(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    gate, now, most = asyncio.Event(), 0, 0

    async def handler(message: func.ServiceBusMessage) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await gate.wait()
        now -= 1

    settings = HostSettings(max_concurrent_calls=3)
    async with running(queue_app(handler), broker=broker, clock=clock, settings=settings):
        await send(broker, *(b"%d" % number for number in range(10)))
        waiting = await broker.peek("work", max_messages=10)
        delivered = [each.delivery_count for each in waiting]
        gate.set()
        await settle()

    assert delivered == [1] * 3 + [0] * 7
    assert most == 3
    assert await bodies(broker, "work") == []


async def test_lock_is_renewed_while_the_function_runs(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    gate, calls = asyncio.Event(), 0

    async def handler(message: func.ServiceBusMessage) -> None:
        nonlocal calls
        calls += 1
        await gate.wait()

    async with running(queue_app(handler), broker=broker, clock=clock):
        await send(broker, b"long")
        for _ in range(8):
            await clock.advance(timedelta(seconds=30))
        gate.set()
        await settle()

    assert calls == 1
    assert await bodies(broker, "work") == []


async def test_lock_is_renewed_no_longer_than_configured_and_its_loss_logged_once(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    gate, deliveries = asyncio.Event(), []

    async def handler(message: func.ServiceBusMessage) -> None:
        deliveries.append(message.delivery_count)
        if message.delivery_count == 1:
            await gate.wait()

    settings = HostSettings(max_auto_lock_renewal=timedelta(seconds=90))
    async with running(queue_app(handler), broker=broker, clock=clock, settings=settings):
        await send(broker, b"long")
        for _ in range(10):
            await clock.advance(timedelta(seconds=30))
        gate.set()
        await settle()

    assert deliveries == [1, 2]
    actions = [getattr(record, "action", None) for record in caplog.records]
    assert actions.count("lock-lost") == 1


async def test_lock_that_renewal_found_lost_is_neither_settled_nor_logged_again(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    gate = asyncio.Event()

    async def handler(message: func.ServiceBusMessage) -> None:
        if message.delivery_count == 1:
            await gate.wait()

    async with running(queue_app(handler), broker=broker, clock=clock):
        await send(broker, b"long")
        clock.set(clock.now() + timedelta(minutes=2))
        await clock.advance(timedelta(seconds=1))
        gate.set()
        await settle()

    actions = [getattr(record, "action", None) for record in caplog.records]
    assert actions.count("lock-lost") == 1
    assert await bodies(broker, "work") == []


async def test_stop_waits_for_running_functions(broker: EmbeddedBroker, clock: FakeClock) -> None:
    gate, ended = asyncio.Event(), []

    async def handler(message: func.ServiceBusMessage) -> None:
        await gate.wait()
        ended.append(message.get_body())

    host = make_host(indexed(queue_app(handler)), broker=broker, clock=clock)
    await host.start()
    await send(broker, b"a")
    stopping = asyncio.ensure_future(host.stop(grace=timedelta(seconds=5)))
    await settle()
    await send(broker, b"late")
    gate.set()
    await stopping

    assert ended == [b"a"]
    assert await bodies(broker, "work") == [b"late"]


async def test_p7_function_that_outlasts_the_grace_is_cancelled_and_its_message_kept(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    cancelled = []

    async def handler(message: func.ServiceBusMessage) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(message.get_body())
            raise

    host = make_host(indexed(queue_app(handler)), broker=broker, clock=clock)
    await host.start()
    await send(broker, b"a")
    stopping = asyncio.ensure_future(host.stop(grace=timedelta(seconds=5)))
    await settle()
    await clock.advance(timedelta(seconds=6))
    await stopping

    assert cancelled == [b"a"]
    assert await bodies(broker, "work") == [b"a"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_subscription_gets_its_copy_and_a_dead_letter_queue_can_trigger(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    app, seen = func.FunctionApp(), []

    @app.service_bus_topic_trigger(
        arg_name="message", topic_name="events", subscription_name="all", connection=CONNECTION
    )
    def from_topic(message: func.ServiceBusMessage) -> None:
        seen.append(("topic", message.get_body()))

    @app.service_bus_queue_trigger(
        arg_name="message", queue_name="work/$DeadLetterQueue", connection=CONNECTION
    )
    async def from_dead_letters(message: func.ServiceBusMessage) -> None:
        seen.append(("dead", message.get_body()))

    receiver = broker.receiver("work")
    await send(broker, b"poison")
    (poison,) = await receiver.receive(max_messages=1, max_wait=timedelta(0))
    await receiver.dead_letter(poison, reason="Bad", description="")
    host = make_host(indexed(app), broker=broker, clock=clock)
    await host.start()
    await send(broker, b"told", entity="events")
    await host.stop(grace=timedelta(seconds=5))

    assert sorted(seen) == [("dead", b"poison"), ("topic", b"told")]


class Plug(Random):
    """The dice of a strict broker: pulled, every link is detached; else nothing happens."""

    is_pulled = True

    def random(self) -> float:
        return 0.0 if self.is_pulled else 0.999


async def test_an_outage_is_told_twice_and_the_first_message_after_it_is_handled(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    seen, plug = [], Plug()

    async def handler(message: func.ServiceBusMessage) -> None:
        seen.append(message.get_body())

    def told() -> list[str]:
        records = (each for each in caplog.records if each.name == "shared.host.outage")
        return [record.getMessage() for record in records]

    async with running(queue_app(handler), broker=StrictBroker(broker, random=plug), clock=clock):
        await clock.advance(timedelta(minutes=2))
        assert told() == ["cannot receive from work: the link was detached"]
        plug.is_pulled = False
        await clock.advance(timedelta(seconds=40))
        assert told()[1:] == ["can receive from work again"]
        await send(broker, b"a")
        await clock.advance(timedelta(seconds=1))

    assert seen == [b"a"]


async def test_a_pump_that_pauses_stops_at_once(broker: EmbeddedBroker, clock: FakeClock) -> None:
    async def handler(message: func.ServiceBusMessage) -> None:
        raise AssertionError

    strict = StrictBroker(broker, random=Plug())
    host = make_host(indexed(queue_app(handler)), broker=strict, clock=clock)
    await host.start()
    await clock.advance(timedelta(minutes=2))
    before = clock.now()

    async with asyncio.timeout(5):
        await host.stop(grace=timedelta(minutes=10))

    assert clock.now() == before


async def test_batch_is_all_or_nothing(broker: EmbeddedBroker, clock: FakeClock) -> None:
    app, seen = func.FunctionApp(), []

    @app.service_bus_queue_trigger(
        arg_name="messages",
        queue_name="work",
        connection=CONNECTION,
        cardinality="many",
        data_type="binary",
    )
    async def handle(messages: List[func.ServiceBusMessage]) -> None:  # noqa: UP006
        seen.append([message.get_body() for message in messages])
        if len(seen) == 1:
            raise RuntimeError("broken")

    await send(broker, b"a", b"b", b"c")
    settings = HostSettings(max_message_batch_size=2)
    async with running(app, broker=broker, clock=clock, settings=settings):
        await settle()
        await settle()

    assert seen[0] == [b"a", b"b"]
    assert sorted(sum(seen[1:], [])) == [b"a", b"b", b"c"]
    assert await bodies(broker, "work") == []


async def test_outputs_are_sent_before_the_message_is_completed(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    app = func.FunctionApp()

    @app.service_bus_queue_output(arg_name="out", queue_name="results", connection=CONNECTION)
    @app.service_bus_topic_output(arg_name="$return", topic_name="events", connection=CONNECTION)
    @app.service_bus_queue_trigger(
        arg_name="message", queue_name="work", connection=CONNECTION, data_type="binary"
    )
    async def handle(message: func.ServiceBusMessage, out: func.Out[str]) -> str:
        out.set("lost")
        out.set('["one", "two"]')
        return "told"

    async with running(app, broker=broker, clock=clock):
        await send(broker, b"a")

    assert await bodies(broker, "results") == [b"one", b"two"]
    assert await bodies(broker, "events/Subscriptions/all") == [b"told"]
    assert await bodies(broker, "work") == []


async def test_a_value_returned_without_a_binding_fails_the_message(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    app = func.FunctionApp()

    @app.service_bus_queue_trigger(arg_name="message", queue_name="work", connection=CONNECTION)
    async def handle(message: func.ServiceBusMessage) -> str:
        return "nobody asked"

    async with running(app, broker=broker, clock=clock):
        await send(broker, b"a")

    assert await bodies(broker, "work/$DeadLetterQueue") == [b"a"]
