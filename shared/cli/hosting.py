"""The local host as the programs that stay have it: with our functions, on the broker of the application."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import azure.functions as func

from shared.bootstrap import Application
from shared.cli.becoming import ROOT
from shared.host.front_end import FrontEnd
from shared.host.local import LocalHost, host_app
from shared.host.strict import StrictBroker
from shared.messaging.broker import Broker
from shared.settings import CONNECTION, BrokerKind


def hosted(
    app: func.FunctionRegister,
    application: Application,
    *,
    data_dir: Path | None,
    environment: Mapping[str, str],
) -> LocalHost:
    """Return the host of our app, strict where the settings say so; see `host_app`.

    Raises:
        ConfigurationError: the app, host.json or the keys file cannot be used; names everything that is wrong.
    """
    settings = application.settings
    broker: Broker = application.broker
    if settings.broker is BrokerKind.EMBEDDED:
        # Triggers name a connection, and the host wants to see it; here it is this process's own broker.
        environment = {CONNECTION: "embedded", **environment}
    if settings.host_strict:
        broker = StrictBroker(broker, random=Random())
    return host_app(
        app,
        root=ROOT,
        data_dir=data_dir,
        broker=broker,
        clock=application.clock,
        environment=environment,
    )


def reached(host: LocalHost, application: Application) -> Any:
    """Return the ASGI app by which callers reach the host, with Azure's front end before it where it is strict."""
    return FrontEnd(host, application.clock) if application.settings.host_strict else host
