"""Recorded conversations made wrong at random: the AMQP server goes on, and keeps nothing of them."""

import asyncio
import gc
import logging
import weakref
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shared.messaging import amqp as messaging_amqp
from shared.messaging.amqp.codec.frames import Frame, FrameReader
from shared.messaging.amqp.codec.performatives import (
    Accepted,
    Close,
    Detach,
    Disposition,
    End,
    Transfer,
)
from tests.clocks import settle
from tests.conformance import broker_conversation
from tests.conformance.malformed import Relay, Units, mutated, say, units_of
from tests.shared.messaging.amqp.memory_serving import Served, eventually, serving
from tests.shared.messaging.amqp.peer import Peer, transfer
from tests.shared.messaging.amqp.sdk import description
from tests.shared.messaging.amqp.serving import HOST
from tests.shared.messaging.amqp.serving import serving as serving_broker

AT_ONCE = 50
SIZES = (10, 1000, 100_000)
LEAST_CONDITIONS = 5
FATAL = "amqp:internal-error"


def converse(port: int) -> None:
    """Send and receive with the SDK's own AMQP client; its Service Bus clients do so after putting a token."""
    # Neither is annotated.
    amqp: Any = import_module("azure.servicebus._pyamqp")
    from azure.servicebus._pyamqp.message import Message
    from azure.servicebus._pyamqp.sasl import SASLAnonymousCredential

    class Anonymous:
        sasl = SASLAnonymousCredential()
        auth_type = "none"

    host = f"127.0.0.1:{port}"
    modes = {"auth": Anonymous, "use_tls": False, "send_settle_mode": 0, "receive_settle_mode": 1}
    with amqp.SendClient(host, "orders", **modes) as sender:
        for size in SIZES:
            sender.send_message(Message(data=[bytes(size)]))
    with amqp.ReceiveClient(host, "orders", link_credit=10, **modes) as receiver:
        for number, outcome in enumerate(("accepted", "released", "modified")):
            receiver.receive_message_batch(max_batch_size=1, timeout=5)
            tag = (number + 1).to_bytes(16)
            receiver.settle_messages(number, tag, outcome, await_outcome=True)


@pytest.fixture
def connections(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--connections"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))


async def recorded(port: int, converse: Callable[[int], None] = converse) -> list[Units]:
    """Return what the SDK's client says when nothing is wrong."""
    relay = Relay(port)
    relayed = await relay.start()
    await asyncio.to_thread(converse, relayed)
    await relay.close()
    return [units_of(bytes(said)) for said in relay.conversations]


def conditions(answered: bytes) -> list[str]:
    """Return what connections, sessions and links were ended with; the answer must be well-formed."""
    frames = FrameReader(max_frame_size=65_536).feed(answered)
    endings = [each.performative for each in frames if isinstance(each, Frame)]
    return [
        ending.error.condition
        for ending in endings
        if isinstance(ending, Close | End | Detach) and ending.error is not None
    ] + [FATAL] * answered.count(FATAL.encode())


async def fire(
    port: int, conversations: list[Units], *, seed: int, connections: int
) -> Counter[str]:
    """Return how often which condition ended something."""
    ended: Counter[str] = Counter()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        random = Random(f"{seed} {number}")
        async with gate:
            answered = await say(port, mutated(random.choice(conversations), random), random)
        ended.update(conditions(answered))

    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(one(number))
    return ended


def tasks_of_connections() -> list[str]:
    folder = str(Path(messaging_amqp.__file__).parent)
    return [repr(task) for task in asyncio.all_tasks() if f" {folder}" in repr(task)]


async def prove(served: Served) -> None:
    """A client that does nothing wrong is served."""
    served.memory.messages.clear()
    peer = await Peer.begun(served.port)
    await peer.attach_sender("proof")
    await peer.attach_receiver("proof", credit=1)
    peer.say(transfer(0), b"still there")
    assert (await peer.hear_frame(Transfer))[1] == b"still there"
    assert (await peer.hear(Disposition)).state == Accepted()
    await peer.close()


async def test_malformed_connections_end_and_leave_nothing_behind(
    connections: int, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with serving() as served:
        conversations = await recorded(served.port)
        assert [len(units) > 10 for units in conversations] == [True, True]
        await eventually(lambda: served.server.connections == 0)
        served.memory.peers.clear()
        before = len(asyncio.all_tasks())

        ended = await fire(served.port, conversations, seed=seed, connections=connections)

        await prove(served)
        await eventually(lambda: served.server.connections == 0)
        assert [record.getMessage() for record in caplog.records] == []
        assert ended[FATAL] == 0
        assert len(ended) >= LEAST_CONDITIONS, ended
        assert (served.memory.inlets, served.memory.outlets) == ([], [])
        left = [weakref.ref(peer) for peer in served.memory.peers]
        served.memory.peers.clear()
        await settle()
        gc.collect()
        assert [ref for ref in left if ref() is not None] == []
        assert len(left) > connections / 4
        assert len(asyncio.all_tasks()) == before


@pytest.mark.timeout(120)
async def test_malformed_conversations_with_a_broker_end_and_leave_nothing_behind(
    connections: int, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with serving_broker(description("one"), description("two")) as served:

        def converse_with_broker(port: int) -> None:
            [connection] = served.keys.connection_strings("one", host=HOST, port=port)
            broker_conversation.converse(connection)

        conversations = await recorded(served.port, converse_with_broker)
        assert [len(units) > 10 for units in conversations] == [True] * 6

        ended = await fire(served.port, conversations, seed=seed, connections=connections)

        await asyncio.to_thread(broker_conversation.converse, served.connection_string_of("two"))
        await eventually(lambda: tasks_of_connections() == [])
        assert [record.getMessage() for record in caplog.records] == []
        assert ended[FATAL] == 0
        assert len(ended) >= LEAST_CONDITIONS, ended
