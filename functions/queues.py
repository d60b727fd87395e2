"""What the connector does when a queue wakes it. Bodies are binary: the host would parse anything else."""

import azure.functions as func

from functions.rendering import queue_message_of, wake_up_of
from functions.settling import backing_off
from shared.bootstrap import application
from shared.messaging.entities import (
    COMMANDS,
    COMMANDS_ORDERED,
    DELIVERIES,
    HISTORY,
    OPERATIONS,
)

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not

CONNECTION = "ServiceBusConnection"


@blueprint.function_name("accept_command")
@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name=COMMANDS, connection=CONNECTION, data_type="binary"
)
@backing_off
async def accept_command(message: func.ServiceBusMessage) -> None:
    await (await application()).connector.accept_message(queue_message_of(message, queue=COMMANDS))


@blueprint.function_name("accept_ordered_command")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name=COMMANDS_ORDERED,
    connection=CONNECTION,
    data_type="binary",
    is_sessions_enabled=True,
)
@backing_off
async def accept_ordered_command(message: func.ServiceBusMessage) -> None:
    await (await application()).connector.accept_message(
        queue_message_of(message, queue=COMMANDS_ORDERED)
    )


@blueprint.function_name("execute_operation")
@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name=OPERATIONS, connection=CONNECTION, data_type="binary"
)
@backing_off
async def execute_operation(message: func.ServiceBusMessage) -> None:
    if wake_up := wake_up_of(message):
        await (await application()).connector.execute(wake_up)


@blueprint.function_name("publish_history")
@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name=HISTORY, connection=CONNECTION, data_type="binary"
)
@backing_off
async def publish_history(message: func.ServiceBusMessage) -> None:
    await (await application()).history.publish(queue_message_of(message, queue=HISTORY))


@blueprint.function_name("deliver_events")
@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name=DELIVERIES, connection=CONNECTION, data_type="binary"
)
@backing_off
async def deliver_events(message: func.ServiceBusMessage) -> None:
    if wake_up := wake_up_of(message):
        await (await application()).deliveries.deliver(wake_up)
