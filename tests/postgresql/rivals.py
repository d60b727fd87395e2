"""Two processes over one database and one broker, but for the process: each has connections and objects of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from shared.client.scheduler import SchedulerClient
from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.clocks import FakeClock
from tests.shared.connector.world import World, assemble

IDS_OF_EACH = 1_000_000


@asynccontextmanager
async def rival_connectors(
    url: str, folder: Path, client: SchedulerClient, *, count: int = 2
) -> AsyncIterator[list[World]]:
    """Open worlds whose operations have ids of their own."""
    clock = FakeClock()
    async with AsyncExitStack() as opened:
        broker = await opened.enter_async_context(broker_apart(folder, clock))
        databases = [PostgresDatabase(url) for _ in range(count)]
        for database in databases:
            opened.push_async_callback(database.close)
        yield [
            assemble(
                database,
                client,
                clock,
                numbers=itertools.count(number * IDS_OF_EACH + 1),
                broker=broker,
            )
            for number, database in enumerate(databases)
        ]


def in_turn(worlds: list[World]) -> Iterator[World]:
    """Return them again and again."""
    while True:
        yield from worlds
