"""Changes of resources over HTTP: accepted as commands, answered 202."""

import azure.functions as func

from functions.callers import caller_of
from functions.rendering import accepted, answering, command_of, commands_of
from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("change_resource")
@blueprint.route("cloudservices/{*path}", methods=["PUT", "PATCH", "POST", "DELETE"])
@answering
async def change_resource(req: func.HttpRequest) -> func.HttpResponse:
    app, caller = await application(), await caller_of(req)
    operations = await app.connector.accept(
        [command_of(req)],
        caller=caller,
        key=req.headers.get("idempotency-key"),
        correlation_id=req.headers.get("x-ms-correlation-request-id"),
    )
    return accepted(req, operations, public_url=app.settings.public_url, many=False)


@blueprint.function_name("submit_commands")
@blueprint.route("commands", methods=["POST"])
@answering
async def submit_commands(req: func.HttpRequest) -> func.HttpResponse:
    app, caller = await application(), await caller_of(req)
    commands, many = commands_of(req)
    operations = await app.connector.accept(
        commands,
        caller=caller,
        key=req.headers.get("idempotency-key"),
        correlation_id=req.headers.get("x-ms-correlation-request-id"),
    )
    return accepted(req, operations, public_url=app.settings.public_url, many=many)
