import pytest

from functions.changes import change_resource
from functions.operations import get_operation, list_operations
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
