"""A namespace of ours, served over AMQP on loopback, that can also refuse, hang up, stay silent and echo."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from shared.clock import SystemClock
from shared.errors import ConflictError, InvalidRequestError, TocsinError
from shared.messaging.amqp.codec.envelopes import message_of
from shared.messaging.amqp.codec.performatives import Attach, Error, Outcome, Target
from shared.messaging.amqp.engine.node import Attached, Inlet, InletNode, Outlet, Peer, Transferred
from shared.messaging.amqp.engine.server import AmqpServer
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.amqp.nodes.conditions import describe_error
from shared.messaging.amqp.nodes.namespace_nodes import NamespaceNodes
from shared.messaging.amqp.nodes.sas import Keys
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.messaging.message import Message
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.contracts.action import Behaviour

MOST_BYTES = 10_000
KEY_NAME, KEY = "sender", "s3cret;Endpoint=sb://elsewhere="
DESCRIPTION = NamespaceDescription(
    name="n1",
    queues=(
        QueueDescription(name="q1"),
        QueueDescription(name="unique", duplicate_detection_window=timedelta(minutes=10)),
        QueueDescription(name="sessions", requires_session=True),
        QueueDescription(name="full", max_size=1),
    ),
    topics=(TopicDescription(name="t1", subscriptions=(SubscriptionDescription(name="s1"),)),),
)


@dataclass
class ServiceBusTarget:
    """Remembers the ids of messages, the texts of tokens and the connections that it was sent."""

    core: BrokerCore
    port: int = 0
    behaviour: Behaviour = Behaviour.TAKE
    ids: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    connections: list["TargetNodes"] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"amqp://127.0.0.1:{self.port}"

    async def messages(self, path: str) -> list[Message]:
        """Return what a queue or subscription holds."""
        found = await self.core.peek(path, from_sequence_number=0, max_messages=100)
        return [message_of(stored.payload) for stored in found]

    def open_nodes(self, peer: Peer) -> "TargetNodes":
        nodes = TargetNodes(self, peer)
        self.connections.append(nodes)
        return nodes


class TargetNodes:
    """The nodes of our broker, unless the target is to behave otherwise."""

    def __init__(self, target: ServiceBusTarget, peer: Peer) -> None:
        clock = SystemClock()
        self._inner = NamespaceNodes(
            {DESCRIPTION.name: target.core},
            Keys({DESCRIPTION.name: {KEY_NAME: KEY}}),
            clock=clock,
            arrivals=Arrivals(clock, new_id=lambda: "none of its own"),
        )
        self._target = target
        self.peer = peer
        self.gone = asyncio.Event()

    async def attach_inlet(self, attach: Attach, inlet: Inlet) -> Attached:
        assert isinstance(attach.target, Target)
        is_entity = attach.target.address != "$cbs"
        await self._misbehave(is_entity=is_entity)
        attached = await self._inner.attach_inlet(attach, inlet)
        return Attached(node=Recorder(self._target, attached.node, is_entity=is_entity))

    async def attach_outlet(self, attach: Attach, outlet: Outlet) -> Attached:
        return await self._inner.attach_outlet(attach, outlet)

    async def ended(self) -> None:
        self.gone.set()
        await self._inner.ended()

    async def _misbehave(self, *, is_entity: bool) -> None:
        match self._target.behaviour:
            case Behaviour.REFUSE if is_entity:
                raise ConflictError("no")
            case Behaviour.ECHO if is_entity:
                raise InvalidRequestError([], code="; ".join(self._target.tokens))
            case Behaviour.HANG_UP:
                self.peer.close(Error("amqp:internal-error", "gone"))
            case Behaviour.STAY_SILENT:
                await asyncio.Event().wait()
            case _:
                pass


@dataclass
class Recorder:
    """Writes down what goes to an inlet."""

    target: ServiceBusTarget
    inner: InletNode
    is_entity: bool

    async def transferred(self, message: Transferred) -> Outcome | None:
        if self.is_entity:
            self.target.ids.append(message_of(message.payload).message_id or "")
        else:
            text = message.payload.decode("latin-1")
            self.target.tokens.append(text[text.index("SharedAccessSignature") :])
        if self.target.behaviour is Behaviour.STAY_SILENT:
            await asyncio.Event().wait()
        return await self.inner.transferred(message)

    async def ended(self) -> None:
        await self.inner.ended()


def describe(fault: BaseException) -> Error:
    """Say all that an echo holds, which no broker of ours does."""
    if isinstance(fault, TocsinError) and "SharedAccessSignature" in fault.code:
        return Error("amqp:not-allowed", fault.code)
    return describe_error(fault)


@asynccontextmanager
async def serving_service_bus(folder: Path) -> AsyncIterator[ServiceBusTarget]:
    """Listen on loopback, with a new namespace in `folder`."""
    path = folder / "broker.db"
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    clock = SystemClock()
    database = InlineDatabase(path)
    core = BrokerCore(database, clock=clock, description=DESCRIPTION, max_message_size=MOST_BYTES)
    await core.open()
    target = ServiceBusTarget(core)
    server = AmqpServer(target.open_nodes, describe, clock)
    target.port = await server.start("127.0.0.1", 0)
    try:
        yield target
    finally:
        await server.close()
        await core.close()
        await database.close()
