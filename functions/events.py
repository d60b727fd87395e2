"""The event log over HTTP."""

import azure.functions as func

from functions.rendering import MAX_PAGE, answering, whole_number
from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not

DEFAULT_PAGE = 100


@blueprint.function_name("list_events")
@blueprint.route("events", methods=["GET"])
@answering
async def list_events(req: func.HttpRequest) -> func.HttpResponse:
    since = whole_number(req, "since", default=0, most=2**63 - 1)
    limit = whole_number(req, "limit", default=DEFAULT_PAGE, most=MAX_PAGE)
    events = await (await application()).event_log.read(since=since, limit=limit)
    body = b'{"value": [' + b", ".join(event.structured for event in events) + b"]}"
    return func.HttpResponse(body, mimetype="application/json; charset=utf-8")
