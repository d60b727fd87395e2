"""Changes of resources over HTTP: accepted as commands, answered 202."""

import azure.functions as func

from functions.rendering import accepted, answering, command_of, commands_of
from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not

CALLER = "key"


@blueprint.function_name("change_resource")
@blueprint.route("cloudservices/{*path}", methods=["PUT", "PATCH", "POST", "DELETE"])
@answering
async def change_resource(req: func.HttpRequest) -> func.HttpResponse:
    app = await application()
    operations = await app.connector.accept(
        [command_of(req)],
        caller=CALLER,
        key=req.headers.get("idempotency-key"),
        correlation_id=req.headers.get("x-ms-correlation-request-id"),
    )
    return accepted(req, operations, public_url=app.settings.public_url, many=False)


@blueprint.function_name("submit_commands")
@blueprint.route("commands", methods=["POST"])
@answering
async def submit_commands(req: func.HttpRequest) -> func.HttpResponse:
    app = await application()
    commands, many = commands_of(req)
    operations = await app.connector.accept(
        commands,
        caller=CALLER,
        key=req.headers.get("idempotency-key"),
        correlation_id=req.headers.get("x-ms-correlation-request-id"),
    )
    return accepted(req, operations, public_url=app.settings.public_url, many=many)
