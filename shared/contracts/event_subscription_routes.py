"""The routes of event subscriptions."""

from http import HTTPStatus

from shared.contracts.examples import EVENT_SUBSCRIPTION
from shared.contracts.parameters import identified
from shared.contracts.routes import Answer, Body, Route
from shared.wire.openapi.json_schemas import ref

TAG = "Event subscriptions"
ID = identified("id", "The event subscription's id.", "00000000000000000000000000000001")
ALL, ONE = "/eventsubscriptions", "/eventsubscriptions/{id}"
SHOWN = Answer(schema=ref("ShownEventSubscription"))
MISSING = (HTTPStatus.NOT_FOUND,)
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
        name="DeleteEventSubscription",
        method="DELETE",
        path=ONE,
        summary="Delete an event subscription and its deliveries",
        tag=TAG,
        parameters=ID,
        answers={204: Answer()},
        errors=(*MISSING, HTTPStatus.CONFLICT),
    ),
)
