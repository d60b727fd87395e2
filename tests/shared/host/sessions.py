"""Functions of queues with sessions, and what they are sent."""

from collections.abc import Awaitable, Callable

import azure.functions as func

from shared.messaging.broker import Broker
from shared.messaging.message import Message
from tests.shared.host.hosting import CONNECTION

Handler = Callable[[func.ServiceBusMessage], Awaitable[None]]
TURNS = "turns"


def turns_app(handler: Handler, *, queue: str = TURNS) -> func.FunctionApp:
    """An app whose one function is triggered by the sessions of a queue."""
    app = func.FunctionApp()

    @app.service_bus_queue_trigger(
        arg_name="message",
        queue_name=queue,
        connection=CONNECTION,
        data_type="binary",
        is_sessions_enabled=True,
    )
    async def take_turns(message: func.ServiceBusMessage) -> None:
        await handler(message)

    return app


async def send_turns(broker: Broker, *names: str, queue: str = TURNS) -> None:
    """Send messages such as `a1`, which is the first of session `a`."""
    await broker.send(
        queue,
        [Message(body=name.encode(), message_id=name, session_id=name[0]) for name in names],
    )
