"""A broker that SDKs can connect to, in this process and on this event loop, over a real socket.

What serves memory nodes, for tests of the engine alone, is in `memory_serving`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.clock import Clock, SystemClock
from shared.messaging.amqp.nodes.sas import Keys
from shared.messaging.amqp.nodes.service import BrokerService
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import NamespaceDescription
from shared.settings import Durability
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from tests.clocks import FakeClock

HOST = "127.0.0.1"
KEY_NAME = "RootManageSharedAccessKey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is served: the cores by the names of their namespaces."""

    port: int
    cores: dict[str, BrokerCore]
    keys: Keys
    clock: Clock

    @property
    def core(self) -> BrokerCore:
        """That of the first namespace."""
        return next(iter(self.cores.values()))

    @property
    def connection_string(self) -> str:
        """To the first namespace."""
        return self.connection_string_of(next(iter(self.cores)))

    def connection_string_of(self, namespace: str) -> str:
        return next(self.keys.connection_strings(namespace, host=HOST, port=self.port))


def present_clock() -> FakeClock:
    """A clock that begins at the real present: tokens and locks of the SDKs are of their own clock."""
    return FakeClock(SystemClock().now())


@asynccontextmanager
async def serving(
    *descriptions: NamespaceDescription, clock: Clock | None = None
) -> AsyncIterator[Served]:
    """Serve the namespaces on a free port, from empty files; the clock is the system's unless there is another."""
    clock = clock or SystemClock()
    keys = Keys({one.name: {KEY_NAME: f"key of {one.name}"} for one in descriptions})
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tocsin-")))
        cores: dict[str, BrokerCore] = {}
        for description in descriptions:
            cores[description.name] = await stack.enter_async_context(
                _opened(folder / f"{description.name}.db", description, clock)
            )
        service = BrokerService(cores, keys, clock=clock)
        port = await service.start(HOST, 0)
        stack.push_async_callback(service.close)
        yield Served(port=port, cores=cores, keys=keys, clock=clock)


@asynccontextmanager
async def _opened(
    path: Path, description: NamespaceDescription, clock: Clock
) -> AsyncIterator[BrokerCore]:
    engine = sqlite_engine(path)
    migrate(engine, SCHEMA)
    engine.dispose()
    database = SqliteDatabase(path, clock=SystemClock(), durability=Durability.PROCESS)
    core = BrokerCore(database, clock=clock, description=description)
    await core.open()
    try:
        yield core
    finally:
        await core.close()
        await database.close()
