"""The local stack: the Scheduler service over TLS and the local host with every function, in one event loop.

`python -m shared.cli.stack DATA_FOLDER PORT SCHEDULER_PORT`, which is what `tocsin up` becomes. It imports no more
than it needs, because this process stays.
"""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from shared.bootstrap import Application, use
from shared.cli.failures import told_in_one_line
from shared.cli.serving import end_asked, serving
from shared.cli.stack_folder import StackFolder
from shared.errors import ConfigurationError
from shared.host.loading import load_function_app
from shared.host.local import LocalHost, host_app
from shared.host.server import Endpoint, run
from shared.settings import EngineMode, Role, app_settings, export_environment, load_settings
from shared.telemetry import configure_logging
from shared.tls_server import ServerContext

ROOT = Path(__file__).parents[2]
GRACE = timedelta(seconds=5)
GC_OBJECTS = 20_000
PORT_OPTION = "--port (make up PORT=…)"
SCHEDULER_PORT_OPTION = "--scheduler-port (make up SCHEDULER_PORT=…)"


async def run_stack(folder: StackFolder, *, port: int, scheduler_port: int) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: a setting, the folder, a port or the function app cannot be used.
    """
    asked = end_asked()
    export_environment({"TOCSIN_ENGINE": EngineMode.RESIDENT})
    app = load_function_app(ROOT)
    own = folder.app_settings(port=port, scheduler_port=scheduler_port)
    # What the command line said wins over the environment: the folder and the ports are what was asked for.
    environment = {**app_settings(), **own}
    settings = load_settings(environment)
    if settings.role is not Role.ALL:
        raise ConfigurationError(f"`tocsin up` runs every role; TOCSIN_ROLE is {settings.role}")
    application = Application(settings)
    use(application)
    await application.open()
    async with AsyncExitStack() as running:
        running.push_async_callback(application.close)
        host = host_app(
            app,
            root=ROOT,
            data_dir=folder.path,
            broker=application.broker,
            clock=application.clock,
            environment=environment,
        )
        tls = ServerContext(folder.certificates.server)
        service = Endpoint(app=application.scheduler.service, port=scheduler_port, tls=tls)
        await running.enter_async_context(serving([service], option=SCHEDULER_PORT_OPTION))
        # Our own connections to the service end before it does: it waits for connections that are open.
        running.push_async_callback(application.close)
        await running.enter_async_context(receiving(host))
        connector = Endpoint(app=host, port=port)
        await running.enter_async_context(serving([connector], option=PORT_OPTION))
        await running.enter_async_context(ticking(application))
        keep_out_of_collections()
        tell_ready(folder, port=port, scheduler_port=scheduler_port)
        await asked.wait()


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


def tell_ready(folder: StackFolder, *, port: int, scheduler_port: int) -> None:
    print(
        f"Tocsin is running as process {os.getpid()}; Ctrl-C ends it.\n"
        f"  connector           http://127.0.0.1:{port}/api\n"
        f"  Scheduler service   https://127.0.0.1:{scheduler_port}\n"
        f"  function keys       {folder.host_keys}\n"
        f"  client certificate  {folder.certificates.client}",
        flush=True,
    )


def main() -> None:
    path, port, scheduler_port = sys.argv[1:]
    configure_logging()
    # One line for each revision of each component tells an operator nothing.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with told_in_one_line():
        folder = StackFolder(Path(path))
        run(run_stack(folder, port=int(port), scheduler_port=int(scheduler_port)))


if __name__ == "__main__":
    main()
