"""The local stack: the Scheduler service over TLS and the local host with every function, in one event loop.

`python -m shared.cli.stack DATA_FOLDER PORT SCHEDULER_PORT`, which is what `tocsin up` becomes. It imports no more
than it needs, because this process stays.
"""

import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from shared.bootstrap import Application, use
from shared.cli.becoming import ROOT
from shared.cli.listening import RunningService, listening
from shared.cli.running import keep_out_of_collections, receiving, run_program, ticking
from shared.cli.serving import end_asked, serving
from shared.cli.stack_folder import StackFolder
from shared.errors import ConfigurationError
from shared.host.loading import load_function_app
from shared.host.local import host_app
from shared.host.server import HOST, Endpoint
from shared.settings import EngineMode, Role, app_settings, export_environment, load_settings
from shared.tls_server import ServerContext

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
        scheduler = application.scheduler.service
        service = Endpoint(
            app=scheduler,
            port=scheduler_port,
            tls=tls,
            tells_date=True,
            refusal=scheduler.refusal,
        )
        await running.enter_async_context(serving([service], option=SCHEDULER_PORT_OPTION))
        url = f"https://{HOST}:{scheduler_port}"
        running.enter_context(
            listening(folder.path, RunningService(url, folder.certificates.authority))
        )
        # Our own connections to the service end before it does: it waits for connections that are open.
        running.push_async_callback(application.close)
        await running.enter_async_context(receiving(host))
        connector = Endpoint(app=host, port=port, refusal=host.refusal)
        await running.enter_async_context(serving([connector], option=PORT_OPTION))
        await running.enter_async_context(ticking(application))
        keep_out_of_collections()
        tell_ready(folder, port=port, scheduler_port=scheduler_port)
        await asked.wait()


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
    folder = StackFolder(Path(path))
    run_program(run_stack(folder, port=int(port), scheduler_port=int(scheduler_port)))


if __name__ == "__main__":
    main()
