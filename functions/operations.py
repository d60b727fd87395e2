"""Operations over HTTP: how far they are, what they brought, and canceling one that was not started."""

import azure.functions as func

from functions.rendering import answered, answering, id_of, listed, monitored
from shared.bootstrap import application
from shared.connector.listing import read_filter

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("list_operations")
@blueprint.route("operations", methods=["GET"])
@answering
async def list_operations(req: func.HttpRequest) -> func.HttpResponse:
    app = await application()
    page = await app.connector.operations(read_filter(req.params))
    return listed(req, page, public_url=app.settings.public_url)


@blueprint.function_name("get_operation")
@blueprint.route("operations/{id}", methods=["GET"])
@answering
async def get_operation(req: func.HttpRequest) -> func.HttpResponse:
    return monitored(await (await application()).connector.operation(id_of(req)))


@blueprint.function_name("get_operation_result")
@blueprint.route("operations/{id}/result", methods=["GET"])
@answering
async def get_operation_result(req: func.HttpRequest) -> func.HttpResponse:
    return answered(await (await application()).connector.result(id_of(req)))


@blueprint.function_name("cancel_operation")
@blueprint.route("operations/{id}/cancel", methods=["POST"])
@answering
async def cancel_operation(req: func.HttpRequest) -> func.HttpResponse:
    return monitored(await (await application()).connector.cancel(id_of(req)))
