"""What the Scheduler service and its engine do in the background."""

import azure.functions as func

from functions.rendering import wake_up_of
from functions.settling import backing_off
from shared.bootstrap import application
from shared.messaging.entities import EXECUTIONS, SERVICE_OPERATIONS

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("run_service_operation")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name=SERVICE_OPERATIONS,
    connection="ServiceBusConnection",
    data_type="binary",
)
@backing_off
async def run_service_operation(message: func.ServiceBusMessage) -> None:
    if wake_up := wake_up_of(message):
        await (await application()).scheduler.operations.run(wake_up)


@blueprint.function_name("run_execution")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name=EXECUTIONS,
    connection="ServiceBusConnection",
    data_type="binary",
)
@backing_off
async def run_execution(message: func.ServiceBusMessage) -> None:
    if wake_up := wake_up_of(message):
        await (await application()).scheduler.executions.run(wake_up)


@blueprint.function_name("sweep_scheduler")
@blueprint.timer_trigger(arg_name="timer", schedule="*/30 * * * * *")
async def sweep_scheduler(timer: func.TimerRequest) -> None:
    await (await application()).sweep_scheduler()


@blueprint.function_name("prune_scheduler")
@blueprint.timer_trigger(arg_name="timer", schedule="0 37 * * * *")
async def prune_scheduler(timer: func.TimerRequest) -> None:
    await (await application()).prune_scheduler()
