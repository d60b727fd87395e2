"""The event log over HTTP."""

import azure.functions as func

from functions.rendering import JSON, answering
from shared.bootstrap import application
from shared.events.queries import read_log_query

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("list_events")
@blueprint.route("events", methods=["GET"])
@answering
async def list_events(req: func.HttpRequest) -> func.HttpResponse:
    page = await (await application()).following.read(read_log_query(req.params))
    events = b", ".join(event.structured for event in page.events)
    return func.HttpResponse(b'{"value": [%b], "next": %d}' % (events, page.next), mimetype=JSON)
