"""What runs beside the endpoints of programs that stay: queue functions, timers, the engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from shared.bootstrap import Application
from shared.host.local import LocalHost

GRACE = timedelta(seconds=5)


@asynccontextmanager
async def receiving(host: LocalHost) -> AsyncIterator[None]:
    """Run queue functions and timers while the block runs; those that run may end afterwards."""
    await host.start()
    try:
        yield
    finally:
        await host.stop(grace=GRACE)


@asynccontextmanager
async def ticking(application: Application) -> AsyncIterator[None]:
    """Run a resident engine while the block runs; one on a timer has a function."""
    engine = application.scheduler.resident_engine
    if engine is None:
        yield
        return
    running = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
