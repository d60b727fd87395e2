"""What the connector promises to other programs: its OpenAPI and AsyncAPI documents."""

import azure.functions as func

from functions.rendering import JSON, answering
from shared.contracts.served import ServedDocument, served_asyncapi, served_openapi

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("get_openapi")
@blueprint.route("openapi.json", methods=["GET"])
@answering
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    return document_for(req, served_openapi())


@blueprint.function_name("get_asyncapi")
@blueprint.route("asyncapi.json", methods=["GET"])
@answering
async def get_asyncapi(req: func.HttpRequest) -> func.HttpResponse:
    return document_for(req, served_asyncapi())


def document_for(req: func.HttpRequest, document: ServedDocument) -> func.HttpResponse:
    headers = {"ETag": document.etag}
    if document.is_known(req.headers.get("if-none-match")):
        return func.HttpResponse(status_code=304, headers=headers)
    return func.HttpResponse(document.content, headers=headers, mimetype=JSON)
