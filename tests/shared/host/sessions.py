"""Functions of queues with sessions, and what they are sent."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

import azure.functions as func

from shared.host.host_json import HostSettings
from shared.messaging.broker import Broker
from shared.messaging.message import Message
from tests.clocks import settle
from tests.shared.host.hosting import CONNECTION

Handler = Callable[[func.ServiceBusMessage], Awaitable[None]]
TURNS = "turns"
IDLE = timedelta(seconds=2)
BRIEF = HostSettings(session_idle_timeout=IDLE)


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


class Function:
    """A function whose calls the test ends; keeps what began and what ended."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def hold(self, *names: str) -> None:
        """Let calls for these wait until they are let go."""
        self.gates |= {name: asyncio.Event() for name in names}

    async def let_go(self, name: str) -> None:
        self.gates.pop(name).set()
        await settle()

    async def __call__(self, message: func.ServiceBusMessage) -> None:
        name = message.get_body().decode()
        self.began.append(name)
        if name in self.gates:
            await self.gates[name].wait()
        self.ended.append(name)


class Plug(Random):
    """The dice of a strict broker: pulled, every link is detached; else nothing happens."""

    is_pulled = True

    def random(self) -> float:
        return 0.0 if self.is_pulled else 0.999
