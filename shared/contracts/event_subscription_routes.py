"""The routes of event subscriptions, and of what is delivered once more."""

from http import HTTPStatus

from shared.contracts.examples import EVENT_SUBSCRIPTION
from shared.contracts.parameters import IF_MATCH, PREFER, identified, in_query, whole
from shared.contracts.routes import Answer, Body, Route
from shared.events.queries import LARGEST_NUMBER, LONGEST_PAGE
from shared.wire.json_types import JsonObject
from shared.wire.openapi.json_schemas import ref

TAG = "Event subscriptions"
ID = identified("id", "The event subscription's id.", "00000000000000000000000000000001")
ALL, ONE = "/eventsubscriptions", "/eventsubscriptions/{id}"
INSTANT: JsonObject = {"type": "string", "format": "date-time"}
SHOWN = Answer(schema=ref("ShownEventSubscription"), headers=("ETag",))
MISSING = (HTTPStatus.NOT_FOUND,)
IN_ANOTHER_STATE = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


def status_change(name: str, word: str, summary: str) -> Route:
    return Route(
        name=name,
        method="POST",
        path=f"{ONE}/{word}",
        summary=summary,
        tag=TAG,
        parameters=ID,
        answers={200: SHOWN},
        errors=IN_ANOTHER_STATE,
    )


EVENT_SUBSCRIPTION_ROUTES = (
    Route(
        name="CreateEventSubscription",
        method="POST",
        path=ALL,
        summary="Create an event subscription, which gets the events from now on",
        tag=TAG,
        body=Body(schema=ref("EventSubscriptionRequest"), example=EVENT_SUBSCRIPTION),
        answers={201: SHOWN},
    ),
    Route(
        name="ListEventSubscriptions",
        method="GET",
        path=ALL,
        summary="List event subscriptions, the oldest first",
        tag=TAG,
        answers={200: Answer(schema=ref("EventSubscriptionList"))},
    ),
    Route(
        name="GetEventSubscription",
        method="GET",
        path=ONE,
        summary="Get an event subscription",
        tag=TAG,
        parameters=ID,
        answers={200: SHOWN},
        errors=MISSING,
    ),
    Route(
        name="PatchEventSubscription",
        method="PATCH",
        path=ONE,
        summary="Change an event subscription by a merge patch",
        tag=TAG,
        parameters=(*ID, IF_MATCH),
        body=Body(schema=ref("EventSubscriptionPatch"), example={"rateLimit": None}),
        answers={200: SHOWN},
        errors=(*IN_ANOTHER_STATE, HTTPStatus.PRECONDITION_FAILED),
    ),
    Route(
        name="DeleteEventSubscription",
        method="DELETE",
        path=ONE,
        summary="Delete an event subscription and its deliveries",
        tag=TAG,
        parameters=(*ID, IF_MATCH),
        answers={204: Answer()},
        errors=(*IN_ANOTHER_STATE, HTTPStatus.PRECONDITION_FAILED),
    ),
    status_change("PauseEventSubscription", "pause", "Keep its events until it is resumed"),
    status_change("ResumeEventSubscription", "resume", "Deliver again, what was kept first"),
    status_change("EnableEventSubscription", "enable", "Enable one that was disabled"),
    Route(
        name="RotateSecret",
        method="POST",
        path=f"{ONE}/rotate-secret",
        summary="Sign by another secret, and for a while by the previous one too",
        tag=TAG,
        parameters=ID,
        body=Body(schema=ref("RotationRequest"), example={"overlap": "PT1H"}, is_required=False),
        answers={200: SHOWN},
        errors=IN_ANOTHER_STATE,
    ),
    Route(
        name="SendTestEvent",
        method="POST",
        path=f"{ONE}/test",
        summary="Send an event to this event subscription alone",
        tag=TAG,
        parameters=(*ID, PREFER),
        answers={
            200: Answer(schema=ref("TestOutcome"), headers=("PreferenceApplied",)),
            202: Answer(schema=ref("TestOutcome")),
        },
        errors=IN_ANOTHER_STATE,
    ),
    Route(
        name="ReplayEvents",
        method="POST",
        path=f"{ONE}/replay",
        summary="Deliver again what was published in a range of time",
        tag=TAG,
        parameters=(
            *ID,
            {**in_query("since", INSTANT, "From then on."), "required": True},
            in_query("until", INSTANT, "Before then; absent: now."),
        ),
        answers={202: SHOWN},
        errors=IN_ANOTHER_STATE,
    ),
    Route(
        name="ListDeadLetters",
        method="GET",
        path=f"{ONE}/deadletters",
        summary="List what was given up, in the order of the log",
        tag=TAG,
        parameters=(
            *ID,
            in_query("after", whole(0, LARGEST_NUMBER), "Those with a sequence above it."),
            in_query("limit", whole(1, LONGEST_PAGE), "At most so many."),
        ),
        answers={200: Answer(schema=ref("DeadLetterList"))},
        errors=MISSING,
    ),
    Route(
        name="RedriveDeadLetters",
        method="POST",
        path=f"{ONE}/deadletters/redrive",
        summary="Deliver dead letters again, all or those that are named",
        tag=TAG,
        parameters=ID,
        body=Body(schema=ref("RedriveRequest"), example={}, is_required=False),
        answers={202: Answer(schema=ref("Redriven"))},
        errors=IN_ANOTHER_STATE,
    ),
)
