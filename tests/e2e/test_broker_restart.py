"""A broker that is restarted while a client holds messages: locks of messages go on, those of sessions end."""

import asyncio
import json
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from tests.ports import free_port
from tests.shared.cli.broker_process import running

QUEUE = "orders"
SESSIONS = "ordered"
SOON_SECONDS = 10
AT_ONCE_SECONDS = 1


def config(folder: Path) -> str:
    path = folder / "Config.json"
    queues = [{"Name": QUEUE}, {"Name": SESSIONS, "Properties": {"RequiresSession": True}}]
    namespaces = [{"Name": "one", "Queues": queues}]
    path.write_text(json.dumps({"UserConfig": {"Namespaces": namespaces}}))
    return str(path)


async def send(client: ServiceBusClient) -> None:
    async with client.get_queue_sender(QUEUE, keep_alive=None) as sender:
        await sender.send_messages(ServiceBusMessage("held"))
    async with client.get_queue_sender(SESSIONS, keep_alive=None) as sender:
        await sender.send_messages(ServiceBusMessage("in order", session_id="a"))


async def others_get(client: ServiceBusClient) -> tuple[int, int]:
    """Return how many messages of the queue somebody else can receive, and how many are left then."""
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client.get_queue_receiver(QUEUE, receive_mode=mode, keep_alive=None) as receiver:
        received = await receiver.receive_messages(9, max_wait_time=AT_ONCE_SECONDS)
        peeked = await receiver.peek_messages(9, sequence_number=1)
    return len(received), len(peeked)


@pytest.mark.timeout(120)
async def test_p7_who_holds_a_message_completes_it_after_a_restart_and_nobody_else_gets_it(
    tmp_path: Path,
) -> None:
    options = ("--config", config(tmp_path), "--listen", f"127.0.0.1:{free_port()}")
    async with running(tmp_path / "data", *options) as broker:
        connection = broker.connection["one"]
        holder = ServiceBusClient.from_connection_string(connection)
        await send(holder)
        receiver = holder.get_queue_receiver(QUEUE, keep_alive=None)
        in_session = holder.get_queue_receiver(SESSIONS, session_id="a", keep_alive=None)
        [held], [ordered] = await asyncio.gather(
            receiver.receive_messages(1, max_wait_time=SOON_SECONDS),
            in_session.receive_messages(1, max_wait_time=SOON_SECONDS),
        )
        await broker.end()

    async with (
        running(tmp_path / "data", *options) as broker,
        ServiceBusClient.from_connection_string(connection) as other,
    ):
        before = await others_get(other)
        async with other.get_queue_receiver(SESSIONS, session_id="a", keep_alive=None) as free:
            [taken] = await free.receive_messages(1, max_wait_time=SOON_SECONDS)
            await free.complete_message(taken)
        await receiver.complete_message(held)
        after = await others_get(other)
        await holder.close()

    assert (broker.connection["one"], str(held)) == (connection, "held")
    assert (before, after) == ((0, 1), (0, 0))
    assert (str(taken), taken.sequence_number) == ("in order", ordered.sequence_number)
    assert (ordered.delivery_count, taken.delivery_count) == (0, 1)
