"""Reads over HTTP: resources as the Scheduler shows them, and health."""

import azure.functions as func

from functions.rendering import answered, answering, answering_anybody, read_of
from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("read_resource")
@blueprint.route("cloudservices/{*path}", methods=["GET"])
@answering
async def read_resource(req: func.HttpRequest) -> func.HttpResponse:
    return await read(req)


@blueprint.function_name("read_provider")
@blueprint.route("providers/{*path}", methods=["GET"])
@answering
async def read_provider(req: func.HttpRequest) -> func.HttpResponse:
    return await read(req)


async def read(req: func.HttpRequest) -> func.HttpResponse:
    """Answer what the Scheduler shows at this moment."""
    endpoint, params, query = read_of(req)
    status, document = await (await application()).connector.read(endpoint, params, query)
    return answered(document, status=status)


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering_anybody
async def health(req: func.HttpRequest) -> func.HttpResponse:
    report = (await application()).connector.health()
    return answered(report, status=200 if report["status"] == "running" else 503)
