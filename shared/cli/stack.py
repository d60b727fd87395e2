"""The local stack: the Scheduler service over TLS and the local host with every function, in one event loop.

`python -m shared.cli.stack OPTIONS`, which is what `tocsin up` becomes. It imports no more than it needs, because this
process stays.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

from shared.bootstrap import Application, use
from shared.cli.becoming import ROOT
from shared.cli.hosting import hosted, reached
from shared.cli.listening import RunningService, listening
from shared.cli.program import keep_out_of_collections, run_program
from shared.cli.running import receiving, ticking
from shared.cli.serving import end_asked, serving
from shared.cli.stack_folder import StackFolder
from shared.cli.up import StackOptions
from shared.errors import ConfigurationError
from shared.host.loading import load_function_app
from shared.host.server import HOST, Endpoint
from shared.settings import (
    BrokerKind,
    EngineMode,
    Role,
    Settings,
    app_settings,
    export_environment,
    load_settings,
)
from shared.tls_server import ServerContext

PORT_OPTION = "--port (make up PORT=…)"
SCHEDULER_PORT_OPTION = "--scheduler-port (make up SCHEDULER_PORT=…)"


async def run_stack(options: StackOptions) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: a setting, the folder, a port or the function app cannot be used.
    """
    asked = end_asked()
    folder, port, scheduler_port = StackFolder(options.folder), options.port, options.scheduler_port
    export_environment({"TOCSIN_ENGINE": EngineMode.RESIDENT})
    app = load_function_app(ROOT)
    own = folder.app_settings(port=port, scheduler_port=scheduler_port)
    # What the command line said wins over the environment: the folder and the ports are what was asked for.
    environment = {**app_settings(), **own, **settings_of(options)}
    settings = load_settings(environment)
    if settings.role is not Role.ALL:
        raise ConfigurationError(f"`tocsin up` runs every role; TOCSIN_ROLE is {settings.role}")
    application = Application(settings)
    use(application)
    await application.open()
    async with AsyncExitStack() as running:
        running.push_async_callback(application.close)
        host = hosted(app, application, data_dir=folder.path, environment=environment)
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
        connector = Endpoint(app=reached(host, application), port=port, refusal=host.refusal)
        await running.enter_async_context(serving([connector], option=PORT_OPTION))
        await running.enter_async_context(ticking(application))
        keep_out_of_collections()
        tell_ready(folder, options, settings)
        await asked.wait()


def settings_of(options: StackOptions) -> Mapping[str, str]:
    """Return the app settings that the options stand for."""
    strict = {"TOCSIN_HOST_STRICT": "true"} if options.is_strict else {}
    broker = {} if options.broker is None else {"TOCSIN_BROKER": str(options.broker)}
    return {**strict, **broker}


def tell_ready(folder: StackFolder, options: StackOptions, settings: Settings) -> None:
    parts = {
        "connector": f"http://{HOST}:{options.port}/api",
        "Scheduler service": f"https://{HOST}:{options.scheduler_port}",
        "function keys": folder.host_keys,
        "client certificate": folder.certificates.client,
    }
    if settings.broker is BrokerKind.SERVICEBUS:
        parts["queues"] = "those of the Service Bus namespace"
    if settings.host_strict:
        parts["strict mode"] = "any order, lost locks, detached links, answers within 230 s"
    lines = (f"  {name:<19} {part}" for name, part in parts.items())
    print(
        f"Tocsin is running as process {os.getpid()}; Ctrl-C ends it.", *lines, sep="\n", flush=True
    )


def main() -> None:
    (options,) = sys.argv[1:]
    run_program(run_stack(StackOptions.model_validate_json(options)))


if __name__ == "__main__":
    main()
