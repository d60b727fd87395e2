"""Namespaces of the embedded broker, served as Service Bus serves them."""

import ssl
from collections.abc import Callable, Mapping
from uuid import uuid4

from shared.clock import Clock
from shared.messaging.amqp.engine.node import Nodes, Peer
from shared.messaging.amqp.engine.server import MAX_MESSAGE_SIZE, AmqpServer
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.amqp.nodes.conditions import describe_error
from shared.messaging.amqp.nodes.namespace_nodes import NamespaceNodes
from shared.messaging.amqp.nodes.sas import Keys
from shared.messaging.embedded.core import BrokerCore


class BrokerService:
    """Serves the cores, which are open and stay so, under the names of their namespaces."""

    def __init__(
        self,
        cores: Mapping[str, BrokerCore],
        keys: Keys,
        *,
        clock: Clock,
        max_message_size: int = MAX_MESSAGE_SIZE,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        """`max_message_size` is that of the cores; `new_id` is for messages that are sent without an id."""
        self._cores = cores
        self._keys = keys
        self._clock = clock
        self._arrivals = Arrivals(clock, new_id)
        self._server = AmqpServer(
            self._new_nodes, describe_error, clock, max_message_size=max_message_size
        )

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port, which is a free one when `port` is 0."""
        return await self._server.start(host, port, tls)

    async def close(self) -> None:
        """End all connections; what was answered is durable, what is locked stays so until its lock ends."""
        await self._server.close()

    def _new_nodes(self, peer: Peer) -> Nodes:
        return NamespaceNodes(self._cores, self._keys, clock=self._clock, arrivals=self._arrivals)
