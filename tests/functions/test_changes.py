import pytest

from functions.changes import change_resource, submit_commands
from shared.bootstrap import Application
from tests.functions.requests import BASE, JOB, JOB_PATH, document_of, operations_of, request

COMMAND = {"command": "CreateOrUpdateJob", "resource": JOB_PATH, "body": JOB}


async def test_p1_a_change_is_accepted_with_where_to_watch_it(app: Application) -> None:
    response = await change_resource(request("PUT", JOB_PATH, JOB))

    operation = document_of(response)
    assert response.status_code == 202
    assert response.headers["Operation-Location"] == f"{BASE}/operations/{operation['id']}"
    assert response.headers["Retry-After"] == "1"
    assert response.headers["x-ms-request-id"]
    assert (await app.connector.operation(operation["id"])).command == "CreateOrUpdateJob"


async def test_p1_a_run_of_a_job_is_a_command_for_the_job(app: Application) -> None:
    response = await change_resource(request("POST", f"{JOB_PATH}/run"))

    operation = document_of(response)
    assert response.status_code == 202
    assert (operation["command"], operation["resource"]) == ("RunJob", JOB_PATH)


async def test_p10_a_run_with_a_body_is_400(app: Application) -> None:
    response = await change_resource(request("POST", f"{JOB_PATH}/run", {"now": True}))

    assert response.status_code == 400
    assert document_of(response)["error"]["details"][0]["target"] == "$"


async def test_p4_the_same_idempotency_key_is_the_same_operation(app: Application) -> None:
    headers = {"idempotency-key": "k1"}

    first = await change_resource(request("PUT", JOB_PATH, JOB, headers=headers))
    second = await change_resource(request("PUT", JOB_PATH, JOB, headers=headers))
    other = await change_resource(request("DELETE", JOB_PATH, headers=headers))

    assert document_of(first)["id"] == document_of(second)["id"]
    assert other.status_code == 409


async def test_p10_every_fault_of_a_body_is_told_with_its_path(app: Application) -> None:
    response = await change_resource(
        request("PUT", JOB_PATH, {"action": {"type": "ftp"}, "state": "asleep", "x": 1})
    )

    error = document_of(response)["error"]
    assert response.status_code == 400
    assert error["code"] == "BadRequest"
    assert {fault["target"] for fault in error["details"]} >= {"$.action.type", "$.state", "$.x"}
    assert await operations_of(app) == []


async def test_a_path_without_resource_is_404_and_a_wrong_method_says_which_are_right(
    app: Application,
) -> None:
    missing = await change_resource(request("PUT", "/cloudservices/cs1/jobs/j1", JOB))
    wrong = await change_resource(request("POST", JOB_PATH, JOB))
    wrong_too = await change_resource(request("PUT", f"{JOB_PATH}/run"))

    assert missing.status_code == 404
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "DELETE, GET, PATCH, PUT"
    assert (wrong_too.status_code, wrong_too.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/cloudservices/a%2fb", "/%63loudservices/a%2fb"])
async def test_the_raw_path_names_the_resource(app: Application, path: str) -> None:
    body = {"label": "l", "description": "d", "geoRegion": "West US"}

    response = await change_resource(request("PUT", path, body))

    assert response.status_code == 400  # a slash is no part of a name, and no separator either
    assert document_of(response)["error"]["details"][0]["target"] == "resource"


async def test_p10_a_body_larger_than_a_message_is_413(app: Application) -> None:
    response = await change_resource(request("PUT", JOB_PATH, b" " * (256 * 1024 + 1)))

    assert response.status_code == 413


async def test_one_command_is_answered_as_one_operation(app: Application) -> None:
    response = await submit_commands(request("POST", "/commands", COMMAND))

    assert response.status_code == 202
    assert document_of(response)["resource"] == JOB_PATH
    assert "Operation-Location" in response.headers


async def test_an_array_is_answered_with_an_operation_for_each_command(app: Application) -> None:
    response = await submit_commands(request("POST", "/commands", [COMMAND, COMMAND]))

    assert response.status_code == 202
    assert len(document_of(response)["operations"]) == 2
    assert len(await operations_of(app)) == 2


@pytest.mark.parametrize("bad", [{}, {"command": "Sing"}, 7])
async def test_p10_an_array_with_one_bad_element_accepts_none(
    app: Application, bad: object
) -> None:
    response = await submit_commands(request("POST", "/commands", [COMMAND, bad]))

    targets = [fault["target"] for fault in document_of(response)["error"]["details"]]
    assert response.status_code == 400
    assert all(target.startswith("$[1]") for target in targets)
    assert await operations_of(app) == []
