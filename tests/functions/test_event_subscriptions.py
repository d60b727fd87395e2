from functions.event_subscriptions import (
    create_event_subscription,
    delete_event_subscription,
    get_event_subscription,
    list_event_subscriptions,
)
from shared.bootstrap import Application
from tests.functions.requests import document_of, request

WEBHOOK = {"sink": {"type": "webhook", "url": "https://example.org/hook"}}


async def test_an_event_subscription_is_created_read_listed_and_deleted(app: Application) -> None:
    created = await create_event_subscription(request("POST", "/eventsubscriptions", WEBHOOK))
    this = {"id": document_of(created)["id"]}

    read = document_of(await get_event_subscription(request("GET", "", route_params=this)))
    listed = document_of(await list_event_subscriptions(request("GET", "")))["value"]
    deleted = await delete_event_subscription(request("DELETE", "", route_params=this))
    after = await get_event_subscription(request("GET", "", route_params=this))

    assert created.status_code == 201
    assert [each["id"] for each in listed] == [read["id"]] == [this["id"]]
    assert (deleted.status_code, after.status_code) == (204, 404)


async def test_p8_the_secret_is_shown_once(app: Application) -> None:
    created = document_of(await create_event_subscription(request("POST", "", WEBHOOK)))

    read = await get_event_subscription(request("GET", "", route_params={"id": created["id"]}))

    assert created["sink"]["secret"].startswith("whsec_")
    assert created["sink"]["secret"].encode() not in read.get_body()


async def test_p9_a_private_address_is_refused(app: Application) -> None:
    wish = {"sink": {"type": "webhook", "url": "http://169.254.169.254/metadata"}}

    response = await create_event_subscription(request("POST", "", wish))

    assert response.status_code == 400
    assert document_of(response)["error"]["details"][0]["target"] == "$.sink.url"
