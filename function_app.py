"""The one FunctionApp: registers the blueprints of `TOCSIN_ROLE` and `TOCSIN_ENGINE`."""

import azure.functions as func

from functions import (
    changes,
    contracts,
    engine,
    event_subscriptions,
    events,
    operations,
    queues,
    reads,
    redelivery,
    scheduler,
    scheduler_api,
    sqs,
    timers,
)
from shared.settings import (
    ConnectorAuth,
    EngineMode,
    Role,
    load_connector_auth,
    load_engine_mode,
    load_role,
    takes_sqs_commands,
)

CONNECTOR = (
    changes.blueprint,
    reads.blueprint,
    operations.blueprint,
    event_subscriptions.blueprint,
    events.blueprint,
    redelivery.blueprint,
    contracts.blueprint,
    queues.blueprint,
    timers.blueprint,
    *([sqs.blueprint] if takes_sqs_commands() else []),
)
SCHEDULER = (
    (scheduler.blueprint, engine.blueprint)
    if load_engine_mode() is EngineMode.TIMER
    else (scheduler.blueprint,)
)
BLUEPRINTS = {
    Role.CONNECTOR: CONNECTOR,
    # With both roles in one process the service has a port of its own.
    Role.SCHEDULER: (*SCHEDULER, scheduler_api.blueprint),
    Role.ALL: CONNECTOR + SCHEDULER,
}

LEVELS = {
    ConnectorAuth.KEY: func.AuthLevel.FUNCTION,
    # The functions themselves ask for a token then.
    ConnectorAuth.TOKEN: func.AuthLevel.ANONYMOUS,
}

app = func.FunctionApp(http_auth_level=LEVELS[load_connector_auth()])
for blueprint in BLUEPRINTS[load_role()]:
    app.register_functions(blueprint)
