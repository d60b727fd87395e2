"""A server of memory nodes, on a port of its own and by a clock that only the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from shared.clock import SystemClock
from shared.messaging.amqp.engine.server import AmqpServer
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.memory import Memory, describe


@dataclass(frozen=True)
class Served:
    server: AmqpServer
    port: int
    memory: Memory
    clock: FakeClock


@asynccontextmanager
async def serving(
    *, max_message_size: int = 262_144, max_connections: int = 1000
) -> AsyncIterator[Served]:
    """Serve; at the end whoever has not left is cut off."""
    memory, clock = Memory(), FakeClock()
    server = AmqpServer(
        memory.nodes,
        describe,
        clock,
        max_message_size=max_message_size,
        max_connections=max_connections,
    )
    port = await server.start("127.0.0.1", 0)
    try:
        yield Served(server, port, memory, clock)
    finally:
        memory.gate.set()
        closing = asyncio.create_task(server.close())
        await asyncio.wait({closing}, timeout=0.1)
        while not closing.done():
            await clock.advance(timedelta(seconds=10))
        await closing


async def eventually(holds: Callable[[], bool]) -> None:
    """Return when `holds` does: what was sent has to get through two sockets."""
    async with asyncio.timeout(10):
        while not holds():
            await SystemClock().sleep(timedelta(milliseconds=1))
