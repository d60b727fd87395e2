import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from functions import redelivery
from functions.event_subscriptions import pause_event_subscription
from shared.bootstrap import Application
from shared.messaging.wake_up import WakeUp
from tests.clocks import FakeClock
from tests.functions.requests import document_of, request
from tests.functions.test_event_subscriptions import about, created

Function = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def asking(name: str, **params: str) -> func.HttpRequest:
    return request("GET", "", params=params, route_params={"id": name})


async def test_a_test_event_is_accepted(app: Application) -> None:
    name = (await created(app))["id"]

    response = await redelivery.send_test_event(about("POST", name))

    (published,) = await app.event_log.read(since=0, limit=10)
    assert response.status_code == 202
    assert document_of(response) == {"eventId": published.event.id, "status": "pending"}
    assert published.event.data == {"eventSubscriptionId": name, "caller": "key"}


async def test_who_waits_for_a_test_event_is_told_of_its_first_attempt(app: Application) -> None:
    name = (await created(app, sink={"type": "servicebus-topic", "topic": "nobody-has-it"}))["id"]
    waiting = asyncio.create_task(
        redelivery.send_test_event(about("POST", name, headers={"prefer": "wait=10"}))
    )
    receiver = app.broker.receiver("deliveries")
    (received,) = await receiver.receive(max_messages=1, max_wait=timedelta(seconds=10))
    await app.deliveries.deliver(WakeUp.decode(received.message.body))
    assert isinstance(app.clock, FakeClock)
    while not waiting.done():
        await app.clock.advance(timedelta(seconds=1))

    response = await waiting
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "wait=10")
    assert document_of(response)["lastError"]


async def test_what_is_paused_is_not_tested(app: Application) -> None:
    name = (await created(app))["id"]
    await pause_event_subscription(about("POST", name))

    assert (await redelivery.send_test_event(about("POST", name))).status_code == 409


async def test_a_replay_is_accepted_once(app: Application) -> None:
    name = (await created(app))["id"]
    await redelivery.send_test_event(about("POST", name))
    query = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T13:00:00Z"}

    first = await redelivery.replay_events(asking(name, **query))
    second = await redelivery.replay_events(asking(name, **query))

    assert first.status_code == 202
    assert document_of(first)["replay"] == {"next": 1, "last": 1}
    assert second.status_code == 409


async def test_an_empty_range_is_over_at_once(app: Application) -> None:
    name = (await created(app))["id"]

    response = await redelivery.replay_events(asking(name, since="2026-01-01T00:00:00Z"))

    assert response.status_code == 202
    assert "replay" not in document_of(response)


async def test_dead_letters_are_listed_and_delivered_again(app: Application) -> None:
    name = (await created(app))["id"]

    listed = await redelivery.list_dead_letters(asking(name, limit="5", after="7"))
    redriven = await redelivery.redrive_dead_letters(about("POST", name, {"eventIds": ["e1"]}))

    assert (listed.status_code, document_of(listed)) == (200, {"value": []})
    assert (redriven.status_code, document_of(redriven)) == (202, {"redriven": 0})


@pytest.mark.parametrize(
    ("function", "params", "body", "targets"),
    [
        (redelivery.replay_events, {}, {}, ["?since"]),
        (redelivery.replay_events, {"since": "x", "until": "y"}, {}, ["?since", "?until"]),
        (redelivery.list_dead_letters, {"limit": "0", "after": "-"}, {}, ["?after", "?limit"]),
        (redelivery.redrive_dead_letters, {}, {"eventIds": "e1"}, ["$.eventIds"]),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else None,
)
async def test_p10_every_fault_is_told(
    app: Application, function: Function, params: dict[str, str], body: Any, targets: list[str]
) -> None:
    name = (await created(app))["id"]

    response = await function(request("POST", "", body, params=params, route_params={"id": name}))

    assert response.status_code == 400
    assert [one["target"] for one in document_of(response)["error"]["details"]] == targets


async def test_what_does_not_exist_is_not_found(app: Application) -> None:
    for function in (
        redelivery.send_test_event,
        redelivery.replay_events,
        redelivery.list_dead_letters,
        redelivery.redrive_dead_letters,
    ):
        query = {"since": "2026-01-01T00:00:00Z"} if function is redelivery.replay_events else {}
        response = await function(asking("unknown", **query))

        assert response.status_code == 404
