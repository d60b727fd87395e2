"""Operations over HTTP: how far they are."""

import azure.functions as func

from functions.rendering import answered, answering, monitored, whole_number
from shared.bootstrap import application
from shared.connector.connector import LONGEST_LIST

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("list_operations")
@blueprint.route("operations", methods=["GET"])
@answering
async def list_operations(req: func.HttpRequest) -> func.HttpResponse:
    limit = whole_number(req, "limit", default=LONGEST_LIST, most=LONGEST_LIST)
    operations = await (await application()).connector.operations(limit=limit)
    return answered({"value": [operation.to_json() for operation in operations]})


@blueprint.function_name("get_operation")
@blueprint.route("operations/{id}", methods=["GET"])
@answering
async def get_operation(req: func.HttpRequest) -> func.HttpResponse:
    operation_id = str(req.route_params.get("id"))
    return monitored(await (await application()).connector.operation(operation_id))
