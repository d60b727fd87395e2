"""What programs that stay have in common: what runs beside their endpoints, and how they stay small."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from shared.bootstrap import Application
from shared.cli.failures import told_in_one_line
from shared.host.local import LocalHost
from shared.host.server import run
from shared.telemetry import configure_logging

GRACE = timedelta(seconds=5)
GC_OBJECTS = 20_000


def run_program(main: Coroutine[Any, Any, None]) -> None:
    """Run a program until it ends; what it logs goes to stderr, and what it fails with too, in a line."""
    configure_logging()
    # One line for each revision of each component tells an operator nothing.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with told_in_one_line():
        run(main)


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


def keep_out_of_collections() -> None:
    """Take what was made by now, which stays, out of every later garbage collection, and collect less often: each
    command leaves a few hundred objects, and next to none of them in cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 20, 20)
