"""Listens, and keeps the connections."""

import asyncio
import ssl
from datetime import timedelta

from shared.clock import Clock
from shared.messaging.amqp.codec.faults import FORCED
from shared.messaging.amqp.codec.performatives import Error
from shared.messaging.amqp.engine.connection import (
    CLOSE_WITHIN,
    OPEN_WITHIN,
    Connection,
    Stage,
    Terms,
)
from shared.messaging.amqp.engine.node import DescribeError, NewNodes
from shared.messaging.amqp.engine.timer import Timer

MAX_MESSAGE_SIZE = 262_144
MAX_CONNECTIONS = 1000
BACKLOG = 1024
END_WITHIN = timedelta(seconds=5)


class AmqpServer:
    """Serves AMQP 1.0 from `start` to `close`; what the addresses mean is for the nodes.

    Beyond `max_connections` open ones a peer is told so by a close; as many again may be opening or closing, and
    what comes beyond those is cut off.
    """

    def __init__(
        self,
        new_nodes: NewNodes,
        describe: DescribeError,
        clock: Clock,
        *,
        max_message_size: int = MAX_MESSAGE_SIZE,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._terms = Terms(
            clock=clock,
            new_nodes=new_nodes,
            describe=describe,
            max_message_size=max_message_size,
            admit=self._admit,
            has_room=self._has_room,
            left=self._left,
        )
        self._max_connections = max_connections
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._endings: dict[asyncio.Task[None], Connection] = {}
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    @property
    def connections(self) -> int:
        """How many have a socket, or something that still runs."""
        return len(self._connections) + len(self._endings)

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; return the port, which is a free one for port 0. Raises OSError when it is taken."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._terms),
            host,
            port,
            ssl=tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=OPEN_WITHIN.total_seconds() if tls else None,
            ssl_shutdown_timeout=CLOSE_WITHIN.total_seconds() if tls else None,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more, say so to every peer, and return when nothing runs; what does not end in time is cut off."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close(Error(FORCED, "the server is closing"))
        await self._is_empty.wait()
        timer = Timer(self._terms.clock)
        timer.arm(END_WITHIN, self._cancel)
        while self._endings:
            await asyncio.wait(self._endings)
        timer.disarm()

    def _admit(self, connection: Connection) -> bool:
        self._connections.add(connection)
        self._is_empty.clear()
        return len(self._connections) <= 2 * self._max_connections

    def _has_room(self) -> bool:
        is_open = (connection.stage is Stage.OPEN for connection in self._connections)
        return sum(is_open) < self._max_connections

    def _left(self, connection: Connection, ending: "asyncio.Task[None]") -> None:
        self._connections.discard(connection)
        self._endings[ending] = connection
        ending.add_done_callback(self._endings.pop)
        if not self._connections:
            self._is_empty.set()

    def _cancel(self) -> None:
        for connection in self._endings.values():
            connection.cancel()
