"""Reads over HTTP: resources as the Scheduler shows them, events and health."""

import azure.functions as func

from functions.rendering import (
    MAX_PAGE,
    answered,
    answering,
    read_of,
    whole_number,
)
from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not

DEFAULT_PAGE = 100


@blueprint.function_name("read_resource")
@blueprint.route("cloudservices/{*path}", methods=["GET"])
@answering
async def read_resource(req: func.HttpRequest) -> func.HttpResponse:
    endpoint, params, query = read_of(req)
    status, document = await (await application()).connector.read(endpoint, params, query)
    return answered(document, status=status)


@blueprint.function_name("list_events")
@blueprint.route("events", methods=["GET"])
@answering
async def list_events(req: func.HttpRequest) -> func.HttpResponse:
    since = whole_number(req, "since", default=0, most=2**63 - 1)
    limit = whole_number(req, "limit", default=DEFAULT_PAGE, most=MAX_PAGE)
    events = await (await application()).event_log.read(since=since, limit=limit)
    body = b'{"value": [' + b", ".join(event.structured for event in events) + b"]}"
    return func.HttpResponse(body, mimetype="application/json; charset=utf-8")


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering
async def health(req: func.HttpRequest) -> func.HttpResponse:
    report = (await application()).connector.health()
    return answered(report, status=200 if report["status"] == "running" else 503)
