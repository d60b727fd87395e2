"""Published clients of Service Bus, of two languages, on one `tocsin broker`."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiveMode

from tests.conformance.clients.driver import Client, Driver
from tests.shared.cli.broker_process import RunningBroker, running

NAMESPACE = "node"
EACH = 40
PATIENCE = {"maxWaitTimeInMs": 10_000}
PATIENT_SECONDS = 10


def config() -> dict[str, Any]:
    """Enough entities for each test to have its own; the locks of `short` queues last five seconds."""

    def named(kind: str, **properties: Any) -> list[dict[str, Any]]:
        return [{"Name": f"{kind}{number}", "Properties": properties} for number in range(EACH)]

    topics = [{**topic, "Subscriptions": [{"Name": "all"}]} for topic in named("topic")]
    short = named("short", LockDuration="PT5S")
    sessions = named("sessions", RequiresSession=True)
    queues = [*named("queue"), *short, *sessions]
    namespace = {"Name": NAMESPACE, "Queues": queues, "Topics": topics}
    return {"UserConfig": {"Namespaces": [namespace]}}


@asynccontextmanager
async def running_entities(folder: Path) -> AsyncIterator[RunningBroker]:
    file = folder / "Config.json"
    file.write_text(json.dumps(config()))
    async with running(folder / "data", "--config", str(file), "--durability", "process") as broker:
        yield broker


@dataclass(frozen=True)
class Node:
    """A client of @azure/service-bus, and what it opens."""

    client: Client
    connection: str

    def connected(self, connection: str) -> "Node":
        """Return another client in the same process."""
        return Node(self.client.driver.open("service-bus", connection=connection), connection)

    def opened(self, method: str, *arguments: Any) -> Client:
        """Return the handler that a method of the client makes."""
        return self.of(self.client.call(method, *arguments))

    def of(self, shown: dict[str, Any]) -> Client:
        """Return what is kept in the driver."""
        return Client(self.client.driver, shown["$kept"])

    def send(self, entity: str, *messages: dict[str, Any]) -> None:
        sender = self.opened("createSender", entity)
        sender.call("sendMessages", list(messages))
        sender.call("close")

    def receiver(self, *entity: str, **options: Any) -> Client:
        return self.opened("createReceiver", *entity, options)


def node_client(driver: Driver, connection: str) -> Node:
    return Node(driver.open("service-bus", connection=connection), connection)


def received(receiver: Client, most: int = 1) -> list[dict[str, Any]]:
    """Return what comes first; waits for it."""
    messages: list[dict[str, Any]] = receiver.call("receiveMessages", most, PATIENCE)
    return messages


def peeked(receiver: Client) -> list[dict[str, Any]]:
    """Return what is there, without waiting for anything."""
    messages: list[dict[str, Any]] = receiver.call("peekMessages", 100)
    return messages


def field(messages: Sequence[dict[str, Any]], name: str = "body") -> list[Any]:
    return [message.get(name) for message in messages]


def python_sends(connection: str, queue: str, *messages: Any) -> None:
    with (
        ServiceBusClient.from_connection_string(connection, retry_total=0) as client,
        client.get_queue_sender(queue, keep_alive=None) as sender,
    ):
        sender.send_messages(list(messages))


def python_receives(connection: str, queue: str) -> ServiceBusReceivedMessage:
    """Return one message, which is gone from the queue."""
    with (
        ServiceBusClient.from_connection_string(connection, retry_total=0) as client,
        client.get_queue_receiver(
            queue, keep_alive=None, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
        ) as receiver,
    ):
        (message,) = receiver.receive_messages(1, max_wait_time=PATIENT_SECONDS)
        return message


def new_names() -> Callable[[str], str]:
    """Return what names an entity of a kind that no test has had."""
    numbers = count()
    return lambda kind: f"{kind}{next(numbers)}"
