"""What takes commands from SQS; registered only where TOCSIN_SQS_COMMANDS_URL names a queue."""

import azure.functions as func

from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not

EVERY_15_SECONDS = "*/15 * * * * *"


@blueprint.function_name("take_sqs_commands")
@blueprint.timer_trigger(arg_name="timer", schedule=EVERY_15_SECONDS)
async def take_sqs_commands(timer: func.TimerRequest) -> None:
    await (await application()).sqs_commands.take()
