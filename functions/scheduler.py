"""What the Scheduler service does in the background: its asynchronous operations, and finding lost work."""

import azure.functions as func

from functions.rendering import wake_up_of
from functions.settling import backing_off
from shared.bootstrap import application
from shared.messaging.entities import SERVICE_OPERATIONS

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
        await (await application()).service_operations.run(wake_up)


@blueprint.function_name("sweep_scheduler")
@blueprint.timer_trigger(arg_name="timer", schedule="*/30 * * * * *")
async def sweep_scheduler(timer: func.TimerRequest) -> None:
    await (await application()).sweep_scheduler()
