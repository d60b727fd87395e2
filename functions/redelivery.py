"""Events once more: tests, replays and dead letters of event subscriptions."""

import azure.functions as func

from functions.callers import caller
from functions.event_subscriptions import shown
from functions.rendering import answered, answering, body_of, id_of
from shared.bootstrap import application
from shared.clock import NO_TIME
from shared.events.queries import read_page_query, read_range_query
from shared.wire.preferences import preferred_wait

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("send_test_event")
@blueprint.route("eventsubscriptions/{id}/test", methods=["POST"])
@answering
async def send_test_event(req: func.HttpRequest) -> func.HttpResponse:
    wait = preferred_wait(req.headers.get("prefer", ""))
    trial = await (await application()).trials.send(
        id_of(req), caller=caller(), within=wait or NO_TIME
    )
    if wait is None or not trial.is_over:
        return answered(trial.to_json(), status=202)
    response = answered(trial.to_json())
    response.headers["Preference-Applied"] = f"wait={wait.total_seconds():.0f}"
    return response


@blueprint.function_name("replay_events")
@blueprint.route("eventsubscriptions/{id}/replay", methods=["POST"])
@answering
async def replay_events(req: func.HttpRequest) -> func.HttpResponse:
    app = await application()
    query = read_range_query(req.params, now=app.clock.now())
    found = await app.redelivery.replay(id_of(req), query, caller=caller())
    return shown(found, status=202)


@blueprint.function_name("list_dead_letters")
@blueprint.route("eventsubscriptions/{id}/deadletters", methods=["GET"])
@answering
async def list_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
    query = read_page_query(req.params)
    found = await (await application()).redelivery.dead_letters(id_of(req), query)
    return answered({"value": [dead_letter.to_json() for dead_letter in found]})


@blueprint.function_name("redrive_dead_letters")
@blueprint.route("eventsubscriptions/{id}/deadletters/redrive", methods=["POST"])
@answering
async def redrive_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
    redelivery = (await application()).redelivery
    count = await redelivery.redrive(id_of(req), body_of(req), caller=caller())
    return answered({"redriven": count}, status=202)
