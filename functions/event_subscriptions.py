"""Who gets which events."""

import azure.functions as func

from functions.callers import caller_of
from functions.rendering import answered, answering, body_of
from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("create_event_subscription")
@blueprint.route("eventsubscriptions", methods=["POST"])
@answering
async def create_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    created = await (await application()).event_subscriptions.create(
        body_of(req), caller=await caller_of(req)
    )
    return answered(created.to_json(), status=201)


@blueprint.function_name("list_event_subscriptions")
@blueprint.route("eventsubscriptions", methods=["GET"])
@answering
async def list_event_subscriptions(req: func.HttpRequest) -> func.HttpResponse:
    found = await (await application()).event_subscriptions.list()
    return answered({"value": [event_subscription.to_json() for event_subscription in found]})


@blueprint.function_name("get_event_subscription")
@blueprint.route("eventsubscriptions/{id}", methods=["GET"])
@answering
async def get_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    event_subscriptions = (await application()).event_subscriptions
    return answered((await event_subscriptions.get(str(req.route_params.get("id")))).to_json())


@blueprint.function_name("delete_event_subscription")
@blueprint.route("eventsubscriptions/{id}", methods=["DELETE"])
@answering
async def delete_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    await (await application()).event_subscriptions.delete(
        str(req.route_params.get("id")), caller=await caller_of(req)
    )
    return func.HttpResponse(status_code=204)
