"""The engine on a timer, where no process stays; a resident one runs without."""

import azure.functions as func

from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("tick_engine")
@blueprint.timer_trigger(arg_name="timer", schedule="*/30 * * * * *")
async def tick_engine(timer: func.TimerRequest) -> None:
    await (await application()).scheduler.ticker.tick()
