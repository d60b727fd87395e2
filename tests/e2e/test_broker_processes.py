"""Processes that share a broker: producers and consumers at once, one that stands still, and two namespaces."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import MessagingEntityNotFoundError

from tests.e2e.broker_worker import EACH, HELD, QUEUE
from tests.shared.cli.broker_process import running
from tests.shared.cli.serving_process import ROOT
from tests.shared.messaging.emulator_configs import default_config

PRODUCERS = ("a", "b", "c")
SOON_SECONDS = 30
EMULATOR = (
    "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
    "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)


def config(folder: Path, *names: str, **properties: Any) -> str:
    """Write a file of namespaces, each with a queue of the same name and one of its own."""
    path = folder / "Config.json"
    common = {"Name": QUEUE, "Properties": properties}
    namespaces = [{"Name": name, "Queues": [common, {"Name": f"of-{name}"}]} for name in names]
    path.write_text(json.dumps({"UserConfig": {"Namespaces": namespaces}}))
    return str(path)


@asynccontextmanager
async def worker(
    role: str, name: str, connection: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.e2e.broker_worker", role, name),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(connection.encode() + b"\n")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: asyncio.subprocess.Process) -> list[str]:
    """Return the words of its next line."""
    assert process.stdout is not None
    async with asyncio.timeout(SOON_SECONDS):
        return (await process.stdout.readline()).decode().split()


async def listen(process: asyncio.subprocess.Process, heard: "asyncio.Queue[list[str]]") -> None:
    while words := await said(process):
        heard.put_nowait(words)


def client_of(connection: str) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(connection, retry_total=0)


def send(connection: str, *bodies: str, queue: str = QUEUE) -> None:
    with client_of(connection) as client, client.get_queue_sender(queue, keep_alive=None) as sender:
        sender.send_messages([ServiceBusMessage(body) for body in bodies])


def take(connection: str, count: int, *, queue: str = QUEUE) -> list[tuple[str, int | None]]:
    """Complete so many; returns them with how often they had been delivered."""
    with client_of(connection) as client, client.get_queue_receiver(queue) as receiver:
        taken: list[tuple[str, int | None]] = []
        while len(taken) < count:
            messages = receiver.receive_messages(count, max_wait_time=SOON_SECONDS)
            assert messages
            for message in messages:
                receiver.complete_message(message)
                taken.append((str(message), message.delivery_count))
        assert receiver.peek_messages(sequence_number=1) == []
        return taken


def left(connection: str, queue: str = QUEUE) -> list[str]:
    with client_of(connection) as client, client.get_queue_receiver(queue) as receiver:
        return [str(message) for message in receiver.peek_messages(100)]


@pytest.mark.timeout(180)
async def test_three_producers_and_three_consumers_lose_and_double_nothing(tmp_path: Path) -> None:
    options = ("--config", config(tmp_path, "shared"), "--durability", "process")
    heard: asyncio.Queue[list[str]] = asyncio.Queue()
    async with running(tmp_path / "data", *options) as broker, AsyncExitStack() as workers:
        connection = broker.connection["shared"]
        consumers = [
            await workers.enter_async_context(worker("consume", name, connection))
            for name in ("x", "y", "z")
        ]
        producers = [
            await workers.enter_async_context(worker("produce", name, connection))
            for name in PRODUCERS
        ]
        listening = [asyncio.create_task(listen(each, heard)) for each in consumers]
        told = await asyncio.gather(*(said(each) for each in producers))
        completed = [await heard.get() for _ in range(len(PRODUCERS) * EACH)]
        rest = await asyncio.to_thread(left, connection)
        for task in listening:
            task.cancel()

    assert told == [["sent", str(EACH)]] * len(PRODUCERS)
    assert heard.empty()
    assert rest == []
    expected = {f"{name}-{number}" for name in PRODUCERS for number in range(EACH)}
    assert Counter(body for _, body, _ in completed) == Counter(expected)
    assert {(what, deliveries) for what, _, deliveries in completed} == {("completed", "0")}


async def test_p7_a_consumer_that_stands_still_loses_its_locks_and_others_get_its_messages(
    tmp_path: Path,
) -> None:
    options = ("--config", config(tmp_path, "shared", LockDuration="PT5S"))
    async with running(tmp_path / "data", *options) as broker:
        connection = broker.connection["shared"]
        bodies = [f"body {number}" for number in range(HELD)]
        await asyncio.to_thread(send, connection, *bodies)
        async with worker("hold", "x", connection) as frozen:
            held = await said(frozen)
            frozen.send_signal(signal.SIGSTOP)
            taken = await asyncio.to_thread(take, connection, HELD)
            frozen.send_signal(signal.SIGCONT)
            assert frozen.stdin is not None
            frozen.stdin.write(b"go on\n")
            lost = [await said(frozen) for _ in range(HELD)]

    assert held == ["holding", str(HELD)]
    assert taken == [(body, 1) for body in bodies]
    assert [words[0] for words in lost] == ["lost"] * HELD


async def test_namespaces_with_the_same_entities_know_nothing_of_each_other(tmp_path: Path) -> None:
    options = ("--config", config(tmp_path, "one", "two"))
    async with running(tmp_path / "data", *options, namespaces=2) as broker:
        one, two = broker.connection["one"], broker.connection["two"]
        await asyncio.to_thread(send, one, "of one")
        before = await asyncio.to_thread(left, two)
        await asyncio.to_thread(send, two, "of two")
        of_one, of_two = await asyncio.gather(
            asyncio.to_thread(take, one, 1), asyncio.to_thread(take, two, 1)
        )
        await asyncio.to_thread(send, two, "x", queue="of-two")
        with pytest.raises(MessagingEntityNotFoundError):
            await asyncio.to_thread(send, one, "x", queue="of-two")

    assert before == []
    assert (of_one, of_two) == ([("of one", 0)], [("of two", 0)])


async def test_the_emulators_connection_string_works_with_another_port(tmp_path: Path) -> None:
    file = tmp_path / "Config.json"
    file.write_text(default_config())
    async with running(tmp_path / "data", "--config", str(file)) as broker:
        connection = EMULATOR.format(port=broker.url.rpartition(":")[2])
        await asyncio.to_thread(send, connection, "moved", queue="queue.1")
        taken = await asyncio.to_thread(take, connection, 1, queue="queue.1")
        subscriptions = await asyncio.to_thread(use_topic, connection)
        with pytest.raises(MessagingEntityNotFoundError):
            await asyncio.to_thread(send, connection, "x", queue=QUEUE)

    assert taken == [("moved", 0)]
    # The second wants this property; the third has no rule of its own.
    assert subscriptions == {"subscription.1": 0, "subscription.2": 1, "subscription.3": 1}


def use_topic(connection: str) -> dict[str, int]:
    """Send one message to the sample's topic; returns how many each subscription has."""
    with client_of(connection) as client:
        with client.get_topic_sender("topic.1", keep_alive=None) as sender:
            sender.send_messages(ServiceBusMessage("m", application_properties={"prop3": "value3"}))
        counts = {}
        for name in ("subscription.1", "subscription.2", "subscription.3"):
            with client.get_subscription_receiver("topic.1", name) as receiver:
                counts[name] = len(receiver.peek_messages(10))
        return counts
