from urllib.parse import parse_qsl, urlsplit

import pytest

from functions.changes import change_resource
from functions.operations import cancel_operation, get_operation, list_operations
from shared.bootstrap import Application
from shared.messaging.wake_up import WakeUp
from tests.functions.requests import JOB, JOB_PATH, document_of, request

JOBS = "/cloudservices/cs1/jobcollections/jc1/jobs"


async def test_an_operation_is_found_by_its_id(app: Application) -> None:
    accepted = document_of(await change_resource(request("PUT", JOB_PATH, JOB)))

    response = await get_operation(request("GET", "", route_params={"id": accepted["id"]}))

    assert document_of(response) == accepted
    assert response.headers["Retry-After"] == "1"


async def test_an_unknown_operation_is_404_in_the_connectors_form(app: Application) -> None:
    response = await get_operation(request("GET", "", route_params={"id": "nobody"}))

    assert response.status_code == 404
    assert document_of(response)["error"]["code"] == "ResourceNotFound"


@pytest.mark.parametrize("odd", ["a\0", "\ud800"], ids=["nul", "surrogate"])
async def test_p10_id_that_no_database_takes_is_404_without_a_look(
    app: Application, odd: str
) -> None:
    response = await get_operation(request("GET", "", route_params={"id": odd}))

    assert response.status_code == 404
    assert "there is nothing with the id" in document_of(response)["error"]["message"]


async def test_operations_are_listed_newest_first(app: Application) -> None:
    for name in ("a", "b", "c"):
        await change_resource(request("PUT", f"{JOBS}/{name}", JOB))

    response = await list_operations(request("GET", "/operations", params={"limit": "2"}))

    listed = [operation["resource"][-1] for operation in document_of(response)["value"]]
    assert listed == ["c", "b"]


async def test_next_link_leads_through_the_rest_of_what_was_asked_for(app: Application) -> None:
    for name in ("a", "b", "c"):
        await change_resource(request("PUT", f"{JOBS}/{name}", JOB))
    await change_resource(request("DELETE", "/cloudservices/cs2"))
    query = {"resource": "/CloudServices/CS1", "status": "notstarted", "limit": "2", "code": "k"}

    first = document_of(await list_operations(request("GET", "/operations", params=query)))
    url = urlsplit(first["nextLink"])
    following = request("GET", "/operations", params=dict(parse_qsl(url.query)))
    last = document_of(await list_operations(following))

    assert [one["resource"][-1] for one in first["value"] + last["value"]] == ["c", "b", "a"]
    assert (url.netloc, url.path) == ("127.0.0.1:7071", "/api/operations")
    assert "code" not in url.query
    assert "nextLink" not in last


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", "101", "9" * 5000, "²", ""])
async def test_p10_a_limit_that_is_none_is_400(app: Application, limit: str) -> None:
    response = await list_operations(request("GET", "/operations", params={"limit": limit}))

    assert response.status_code == 400
    assert document_of(response)["error"]["details"][0]["target"] == "?limit"


async def test_an_operation_that_waits_is_canceled_and_stays_so(app: Application) -> None:
    accepted = document_of(await change_resource(request("PUT", JOB_PATH, JOB)))
    cancel = request("POST", "", route_params={"id": accepted["id"]})

    first, second = await cancel_operation(cancel), await cancel_operation(cancel)

    assert (first.status_code, document_of(first)["status"]) == (200, "Canceled")
    assert "Retry-After" not in first.headers
    assert document_of(second) == document_of(first)
    (event,) = await app.event_log.read(since=0, limit=10)
    assert event.event.type == "tocsin.operation.canceled"


async def test_canceling_what_is_not_there_is_404(app: Application) -> None:
    response = await cancel_operation(request("POST", "", route_params={"id": "nobody"}))

    assert response.status_code == 404


async def test_canceling_what_has_been_started_is_409(app: Application) -> None:
    accepted = document_of(await change_resource(request("PUT", JOB_PATH, JOB)))
    await app.connector.execute(WakeUp(accepted["id"], 0))

    response = await cancel_operation(request("POST", "", route_params={"id": accepted["id"]}))

    assert response.status_code == 409
    assert "is Running" in document_of(response)["error"]["message"]
