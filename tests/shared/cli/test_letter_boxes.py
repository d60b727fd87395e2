import asyncio

from typer.testing import Result

from shared.clock import SystemClock
from shared.messaging.entities import TOCSIN_QUEUES, NamespaceDescription
from shared.messaging.message import Message
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from tests.shared.cli.in_process import tocsin
from tests.shared.host.burying import bury
from tests.shared.messaging.amqp.serving import serving

NAMESPACE = NamespaceDescription(name="ns", queues=TOCSIN_QUEUES)


async def test_letters_of_a_namespace_are_reached_without_a_stack() -> None:
    async with serving(NAMESPACE) as served:
        connection = ServiceBusConnection(connection_string=served.connection_string)
        broker = ServiceBusBroker(connection, clock=SystemClock())
        await bury(broker, "commands", Message(body=b"{}", message_id="m1"))

        moved = await asyncio.to_thread(redrive_on, served.connection_string)

        (again,) = await broker.peek("commands")
        await broker.close()
    assert moved.stdout == "moved 1 letter back to commands\n"
    assert again.message.message_id == "m1"


def redrive_on(connection_string: str) -> Result:
    environment = {"ServiceBusConnection": connection_string}
    return tocsin(
        "deadletters", "redrive", "commands", "--all", "--connection", environment=environment
    )
