"""The Scheduler service alone: over TLS, with its functions on queues and timers and a resident engine, in one loop.

`python -m shared.cli.scheduler_stack OPTIONS`, which is what `tocsin scheduler` becomes. It imports no more than it
needs, because this process stays.
"""

import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

from shared.bootstrap import Application, use
from shared.cli.becoming import ROOT
from shared.cli.hosting import hosted
from shared.cli.listening import RunningService, listening
from shared.cli.program import keep_out_of_collections, run_program
from shared.cli.running import receiving, ticking
from shared.cli.scheduler import SchedulerOptions
from shared.cli.scheduler_folder import SchedulerFolder
from shared.cli.serving import end_asked, serving
from shared.clock import Clock, ShiftedClock, SystemClock
from shared.errors import ConfigurationError
from shared.host.loading import load_function_app
from shared.host.server import HOST, Endpoint
from shared.settings import EngineMode, Role, app_settings, export_environment, load_settings
from shared.tls_server import ServerContext


async def run_scheduler(options: SchedulerOptions) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: a setting, the folder, the port or the function app cannot be used.
    """
    asked = end_asked()
    folder = SchedulerFolder(options.folder)
    export_environment({"TOCSIN_ROLE": Role.SCHEDULER, "TOCSIN_ENGINE": EngineMode.RESIDENT})
    app = load_function_app(ROOT)
    # What the command line said wins over the environment.
    environment = {**app_settings(), **folder.app_settings(), **settings_of(options)}
    settings = load_settings(environment)
    if settings.role is not Role.SCHEDULER:
        raise ConfigurationError(
            f"`tocsin scheduler` runs the role scheduler; TOCSIN_ROLE is {settings.role}"
        )
    application = Application(settings, clock=clock_of(options))
    use(application)
    await application.open()
    async with AsyncExitStack() as running:
        running.push_async_callback(application.close)
        for each in options.certificates:
            await application.scheduler.identity.introduce(each.subscription, each.path)
        host = hosted(app, application, data_dir=None, environment=environment)
        service = Endpoint(
            app=application.scheduler.service,
            port=options.port,
            tls=ServerContext(folder.tls.server),
            tells_date=True,
            refusal=application.scheduler.service.refusal,
        )
        (port,) = await running.enter_async_context(serving([service], option="--listen"))
        await running.enter_async_context(receiving(host))
        await running.enter_async_context(ticking(application))
        url = f"https://{HOST}:{port}"
        running.enter_context(listening(folder.path, RunningService(url, folder.tls.authority)))
        keep_out_of_collections()
        print(f"listening on {url}", flush=True)
        await asked.wait()


def clock_of(options: SchedulerOptions) -> Clock:
    """Return the clock of the service, which starts now where the options say."""
    system = SystemClock()
    return system if options.clock is None else ShiftedClock(system, options.clock - system.now())


def settings_of(options: SchedulerOptions) -> Mapping[str, str]:
    """Return the app settings that the options stand for."""
    return {"TOCSIN_ALLOWED_NETWORKS": ",".join(options.networks)} if options.networks else {}


def main() -> None:
    (options,) = sys.argv[1:]
    run_program(run_scheduler(SchedulerOptions.model_validate_json(options)))


if __name__ == "__main__":
    main()
