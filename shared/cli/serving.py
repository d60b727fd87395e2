"""Serving until a signal ends it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from shared.errors import ConfigurationError
from shared.host.server import HOST, Endpoint, Servers

GRACE_SECONDS = 5


@asynccontextmanager
async def serving(
    endpoints: Sequence[Endpoint], *, option: str = "--port"
) -> AsyncIterator[tuple[int, ...]]:
    """Listen on loopback while the block runs, and give it the ports; running requests may end afterwards.

    Raises:
        ConfigurationError: names the port that is taken or that this user may not take, and the `option` for another.
    """
    ports: list[int] = []
    async with AsyncExitStack() as started:
        for endpoint in endpoints:
            servers = Servers([endpoint], grace_seconds=GRACE_SECONDS)
            try:
                ports += await servers.start()
            except OSError as error:
                raise ConfigurationError(
                    f"cannot listen on {HOST}:{endpoint.port}: {error.strerror};"
                    f" choose another port with {option}"
                ) from error
            started.push_async_callback(servers.stop)
        yield tuple(ports)


def end_asked() -> asyncio.Event:
    """Return what SIGINT or SIGTERM sets from now on; the second one ends the process the hard way."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def ask() -> None:
        asked.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, ask)
    return asked
