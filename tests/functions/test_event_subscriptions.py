import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from functions.event_subscriptions import (
    create_event_subscription,
    delete_event_subscription,
    enable_event_subscription,
    get_event_subscription,
    list_event_subscriptions,
    patch_event_subscription,
    pause_event_subscription,
    resume_event_subscription,
    rotate_secret,
)
from shared.bootstrap import Application
from tests.functions.conftest import opened
from tests.functions.requests import document_of, request

WEBHOOK = {"sink": {"type": "webhook", "url": "https://example.org/hook"}}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Function = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


async def created(app: Application, **members: Any) -> dict[str, Any]:
    """Create one and return its document."""
    response = await create_event_subscription(request("POST", "", {**WEBHOOK, **members}))
    assert response.status_code == 201
    document: dict[str, Any] = document_of(response)
    return document


def about(
    method: str, name: str, body: object = b"", *, headers: dict[str, str] | None = None
) -> func.HttpRequest:
    """Return a request about the one of that id."""
    return request(method, "", body, headers=headers, route_params={"id": name})


async def test_an_event_subscription_is_created_read_listed_and_deleted(app: Application) -> None:
    name = (await created(app))["id"]

    read = await get_event_subscription(about("GET", name))
    listed = document_of(await list_event_subscriptions(request("GET", "")))["value"]
    deleted = await delete_event_subscription(about("DELETE", name))
    after = await get_event_subscription(about("GET", name))

    assert read.headers["ETag"] == '"1"'
    assert listed == [document_of(read)]
    assert (deleted.status_code, after.status_code) == (204, 404)


async def test_p8_the_secret_is_shown_once(app: Application) -> None:
    document = await created(app)

    read = await get_event_subscription(about("GET", document["id"]))

    assert document["sink"]["secret"].startswith("whsec_")
    assert document["sink"]["secret"].encode() not in read.get_body()


async def test_p10_the_list_takes_no_query(app: Application) -> None:
    known = await list_event_subscriptions(request("GET", "", params={"clientId": "c"}))
    unknown = await list_event_subscriptions(request("GET", "", params={"foo": "1"}))

    assert (known.status_code, unknown.status_code) == (200, 400)
    assert document_of(unknown)["error"]["details"][0]["target"] == "?foo"


async def test_p9_a_private_address_is_refused(app: Application) -> None:
    wish = {"sink": {"type": "webhook", "url": "http://169.254.169.254/metadata"}}

    response = await create_event_subscription(request("POST", "", wish))

    assert response.status_code == 400
    assert document_of(response)["error"]["details"][0]["target"] == "$.sink.url"


async def test_everything_that_callers_decide_is_shown(app: Application) -> None:
    wish: dict[str, Any] = {
        "name": "nightly",
        "filter": {
            "types": ["tocsin.job.*"],
            "subjectPrefix": "/cloudservices/cs1",
            "data": [{"path": "$.id", "prefix": "n"}, {"path": "$.state", "equals": "enabled"}],
        },
        "mode": "binary",
        "retrySchedule": ["PT10S", "PT1H"],
        "rateLimit": {"perSecond": 5},
    }

    document = await created(app, **wish)

    assert {name: document[name] for name in wish} == wish


async def test_a_patch_changes_what_it_names(app: Application) -> None:
    name = (await created(app, name="nightly", rateLimit={"perSecond": 5}))["id"]
    patch = {"name": None, "filter": {"types": ["*"]}, "sink": {"url": "https://example.com/"}}

    changed = await patch_event_subscription(about("PATCH", name, patch))

    document = document_of(changed)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert "name" not in document
    assert document["filter"]["types"] == ["*"]
    assert document["sink"]["url"] == "https://example.com/"
    assert document["rateLimit"] == {"perSecond": 5}
    assert document_of(await get_event_subscription(about("GET", name))) == document


@pytest.mark.parametrize(
    ("patch", "targets"),
    [
        (b"x", ["$"]),
        ([], ["$"]),
        ({"status": "paused"}, ["$.status"]),
        ({"sink": None}, ["$.sink"]),
        ({"sink": {"type": "sns", "secret": SECRET}}, ["$.sink.type", "$.sink.secret"]),
        ({"sink": {"queue": "q"}}, ["$.sink.queue"]),
        ({"filter": {"types": ["a..b"]}, "mode": "x"}, ["$.filter.types[0]", "$.mode"]),
    ],
    ids=str,
)
async def test_p10_every_fault_of_a_patch_is_told(
    app: Application, patch: object, targets: list[str]
) -> None:
    name = (await created(app))["id"]

    response = await patch_event_subscription(about("PATCH", name, patch))

    assert response.status_code == 400
    assert [one["target"] for one in document_of(response)["error"]["details"]] == targets
    assert (await get_event_subscription(about("GET", name))).headers["ETag"] == '"1"'


@pytest.mark.parametrize("function", [patch_event_subscription, delete_event_subscription])
async def test_a_change_of_what_the_caller_has_not_seen_is_refused(
    app: Application, function: Function
) -> None:
    name = (await created(app))["id"]

    refused = await function(about("PATCH", name, {}, headers={"if-match": '"7"'}))
    passed = await function(about("PATCH", name, {}, headers={"if-match": '"1"'}))

    assert refused.status_code == 412
    assert passed.status_code < 300


async def test_it_is_paused_resumed_and_enabled(app: Application) -> None:
    name = (await created(app))["id"]

    paused = await pause_event_subscription(about("POST", name))
    conflict = await enable_event_subscription(about("POST", name))
    resumed = await resume_event_subscription(about("POST", name))
    enabled = await enable_event_subscription(about("POST", name))

    assert [document_of(one)["status"] for one in (paused, resumed, enabled)] == [
        "paused",
        "enabled",
        "enabled",
    ]
    assert conflict.status_code == 409


async def test_a_receiver_that_cannot_be_asked_leaves_it_pending(app: Application) -> None:
    # A name that is reserved for not being found: https://www.rfc-editor.org/rfc/rfc2606
    sink = {"type": "webhook", "url": "https://hook.invalid/", "validation": "cloudevents"}

    document = await created(app, sink=sink)

    assert document["status"] == "pending"
    assert document["statusReason"].startswith("the receiver could not be asked")
    enabled = document_of(await enable_event_subscription(about("POST", document["id"])))
    assert enabled["status"] == "pending"


async def test_a_secret_is_rotated_and_shown_once(app: Application) -> None:
    name = (await created(app))["id"]

    made = document_of(await rotate_secret(about("POST", name)))
    given = document_of(
        await rotate_secret(about("POST", name, {"secret": SECRET, "overlap": "P7D"}))
    )
    read = document_of(await get_event_subscription(about("GET", name)))

    assert made["sink"]["secret"].startswith("whsec_")
    assert made["previousSecretUntil"] == "2026-01-02T12:00:00Z"
    assert given == read
    assert read["previousSecretUntil"] == "2026-01-08T12:00:00Z"
    assert made["sink"]["secret"] not in json.dumps(read)


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"overlap": "P8D"}, "$.overlap"),
        ({"overlap": "24h"}, "$.overlap"),
        ({"secret": "whsec_short"}, "$.secret"),
        ({"secret": SECRET}, "$.secret"),
        (b"[]", "$"),
    ],
    ids=str,
)
async def test_p10_a_rotation_that_cannot_be_is_refused(
    app: Application, body: object, target: str
) -> None:
    sink = {**WEBHOOK["sink"], "secret": SECRET}
    name = (await created(app, sink=sink))["id"]

    response = await rotate_secret(about("POST", name, body))

    assert response.status_code == 400
    assert document_of(response)["error"]["details"][0]["target"] == target
    assert SECRET.encode() not in response.get_body()


async def test_what_has_no_signing_secret_has_none_to_rotate(app: Application) -> None:
    sink = {"type": "servicebus-queue", "queue": "told"}
    name = (await created(app, sink=sink))["id"]

    assert (await rotate_secret(about("POST", name))).status_code == 409


async def test_what_does_not_exist_is_not_found(app: Application) -> None:
    for function in (
        get_event_subscription,
        patch_event_subscription,
        delete_event_subscription,
        pause_event_subscription,
        resume_event_subscription,
        enable_event_subscription,
        rotate_secret,
    ):
        for name in ("unknown", "x" * 3000):
            response = await function(about("POST", name, {}))

            assert response.status_code == 404
            assert len(response.get_body()) < 500


async def test_the_topic_of_the_setting_is_there_from_the_start_and_cannot_be_deleted(
    tmp_path: Path, certificate: Path
) -> None:
    async with opened(tmp_path, certificate, events_topic="all-events"):
        (shown,) = document_of(await list_event_subscriptions(request("GET", "")))["value"]
        deleted = await delete_event_subscription(about("DELETE", "events-topic"))

    assert (shown["id"], shown["sink"]["topic"]) == ("events-topic", "all-events")
    assert deleted.status_code == 409
