"""What the connector does at regular intervals."""

import azure.functions as func

from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not

EVERY_30_SECONDS = "*/30 * * * * *"
EVERY_MINUTE = "15 * * * * *"
EVERY_HOUR = "0 7 * * * *"


@blueprint.function_name("sweep_connector")
@blueprint.timer_trigger(arg_name="timer", schedule=EVERY_30_SECONDS)
async def sweep_connector(timer: func.TimerRequest) -> None:
    await (await application()).sweep_connector()


@blueprint.function_name("prune_connector")
@blueprint.timer_trigger(arg_name="timer", schedule=EVERY_HOUR)
async def prune_connector(timer: func.TimerRequest) -> None:
    await (await application()).prune_connector()


@blueprint.function_name("poll_history")
@blueprint.timer_trigger(arg_name="timer", schedule=EVERY_MINUTE)
async def poll_history(timer: func.TimerRequest) -> None:
    await (await application()).poll_history()
