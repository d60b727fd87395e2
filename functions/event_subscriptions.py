"""Who gets which events."""

import azure.functions as func

from functions.callers import caller
from functions.rendering import answered, answering, body_of, id_of
from shared.bootstrap import application
from shared.events.event_subscription import EventSubscription
from shared.events.queries import check_no_query

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("create_event_subscription")
@blueprint.route("eventsubscriptions", methods=["POST"])
@answering
async def create_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    event_subscriptions = (await application()).event_subscriptions
    created = await event_subscriptions.create(body_of(req), caller=caller())
    return shown(created, status=201)


@blueprint.function_name("list_event_subscriptions")
@blueprint.route("eventsubscriptions", methods=["GET"])
@answering
async def list_event_subscriptions(req: func.HttpRequest) -> func.HttpResponse:
    check_no_query(req.params)
    found = await (await application()).event_subscriptions.list()
    return answered({"value": [event_subscription.to_json() for event_subscription in found]})


@blueprint.function_name("get_event_subscription")
@blueprint.route("eventsubscriptions/{id}", methods=["GET"])
@answering
async def get_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    return shown(await (await application()).event_subscriptions.get(id_of(req)))


@blueprint.function_name("patch_event_subscription")
@blueprint.route("eventsubscriptions/{id}", methods=["PATCH"])
@answering
async def patch_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    event_subscriptions = (await application()).event_subscriptions
    return shown(
        await event_subscriptions.patch(
            id_of(req),
            body_of(req),
            if_match=req.headers.get("if-match"),
            caller=caller(),
        )
    )


@blueprint.function_name("delete_event_subscription")
@blueprint.route("eventsubscriptions/{id}", methods=["DELETE"])
@answering
async def delete_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    event_subscriptions = (await application()).event_subscriptions
    await event_subscriptions.delete(
        id_of(req), if_match=req.headers.get("if-match"), caller=caller()
    )
    return func.HttpResponse(status_code=204)


@blueprint.function_name("pause_event_subscription")
@blueprint.route("eventsubscriptions/{id}/pause", methods=["POST"])
@answering
async def pause_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    status_changes = (await application()).status_changes
    return shown(await status_changes.pause(id_of(req), caller=caller()))


@blueprint.function_name("resume_event_subscription")
@blueprint.route("eventsubscriptions/{id}/resume", methods=["POST"])
@answering
async def resume_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    status_changes = (await application()).status_changes
    return shown(await status_changes.resume(id_of(req), caller=caller()))


@blueprint.function_name("enable_event_subscription")
@blueprint.route("eventsubscriptions/{id}/enable", methods=["POST"])
@answering
async def enable_event_subscription(req: func.HttpRequest) -> func.HttpResponse:
    status_changes = (await application()).status_changes
    return shown(await status_changes.enable(id_of(req), caller=caller()))


@blueprint.function_name("rotate_secret")
@blueprint.route("eventsubscriptions/{id}/rotate-secret", methods=["POST"])
@answering
async def rotate_secret(req: func.HttpRequest) -> func.HttpResponse:
    event_subscriptions = (await application()).event_subscriptions
    return shown(await event_subscriptions.rotate_secret(id_of(req), body_of(req), caller=caller()))


def shown(event_subscription: EventSubscription, *, status: int = 200) -> func.HttpResponse:
    """Return an event subscription, with what `If-Match` is compared with."""
    response = answered(event_subscription.to_json(), status=status)
    response.headers["ETag"] = event_subscription.etag
    return response
