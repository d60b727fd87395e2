import azure.functions as func
import pytest

from functions.changes import change_resource
from functions.reads import get_operation, health, list_events, list_operations, read_resource
from functions.rendering import answering, read_of
from shared.bootstrap import Application
from tests.functions.requests import JOB, JOB_PATH, document_of, request


async def test_an_operation_is_found_by_its_id(app: Application) -> None:
    accepted = document_of(await change_resource(request("PUT", JOB_PATH, JOB)))

    response = await get_operation(request("GET", "", route_params={"id": accepted["id"]}))

    assert document_of(response) == accepted
    assert response.headers["Retry-After"] == "1"


async def test_an_unknown_operation_is_404_in_the_connectors_form(app: Application) -> None:
    response = await get_operation(request("GET", "", route_params={"id": "nobody"}))

    assert response.status_code == 404
    assert document_of(response)["error"]["code"] == "ResourceNotFound"


async def test_operations_are_listed_newest_first(app: Application) -> None:
    for name in ("a", "b", "c"):
        await change_resource(
            request("PUT", f"/cloudservices/cs1/jobcollections/jc1/jobs/{name}", JOB)
        )

    response = await list_operations(request("GET", "/operations", params={"limit": "2"}))

    listed = [operation["resource"][-1] for operation in document_of(response)["value"]]
    assert listed == ["c", "b"]


@pytest.mark.parametrize("limit", ["-1", "1.5", "many", "101", "9" * 5000, "0" * 30 + "999", "²"])
async def test_p10_a_limit_that_is_none_is_400(app: Application, limit: str) -> None:
    response = await list_operations(request("GET", "/operations", params={"limit": limit}))

    assert response.status_code == 400
    assert document_of(response)["error"]["details"][0]["target"] == "?limit"


async def test_events_are_listed_after_a_number(app: Application) -> None:
    response = await list_events(request("GET", "/events", params={"since": "3"}))

    assert document_of(response) == {"value": []}


@pytest.mark.parametrize("path", [JOB_PATH, f"{JOB_PATH}/history"])
async def test_reading_while_the_scheduler_is_down_is_503(app: Application, path: str) -> None:
    response = await read_resource(request("GET", path))

    assert response.status_code == 503


def test_a_read_of_history_passes_its_query_on_but_for_the_key() -> None:
    query = {"$filter": "status eq failed", "$skip": "100", "$top": "100"}

    endpoint, params, passed = read_of(
        request("GET", f"{JOB_PATH}/history", params={**query, "code": "k"})
    )

    assert endpoint.name == "GetJobHistory"
    assert params == {"cloud_service": "cs1", "job_collection": "jc1", "job": "nightly"}
    assert passed == query


async def test_health_says_that_it_runs(app: Application) -> None:
    response = await health(request("GET", "/health"))

    assert response.status_code == 200
    assert document_of(response) == {"status": "running"}


async def test_an_unexpected_error_is_answered_in_the_connectors_form() -> None:
    @answering
    async def broken(req: func.HttpRequest) -> func.HttpResponse:
        raise ZeroDivisionError("s3cret")

    response = await broken(request("GET", "/"))

    assert response.status_code == 500
    assert response.headers["x-ms-request-id"]
    assert document_of(response)["error"]["code"] == "InternalError"
    assert b"s3cret" not in response.get_body()
