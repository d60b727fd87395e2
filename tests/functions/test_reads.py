import azure.functions as func
import pytest

from functions.reads import health, read_resource
from functions.rendering import answering_anybody, read_of
from shared.bootstrap import Application
from tests.functions.requests import JOB_PATH, document_of, request


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
    @answering_anybody
    async def broken(req: func.HttpRequest) -> func.HttpResponse:
        raise ZeroDivisionError("s3cret")

    response = await broken(request("GET", "/"))

    assert response.status_code == 500
    assert response.headers["x-ms-request-id"]
    assert document_of(response)["error"]["code"] == "InternalError"
    assert b"s3cret" not in response.get_body()
